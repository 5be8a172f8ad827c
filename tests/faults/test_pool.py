"""The pool under faults: kills, half-copied files, writers at once, damage, missing keys."""

from __future__ import annotations  # noqa: I001

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from typer.testing import CliRunner

from analytics import cli, engine
from analytics.errors import ArchiveError, BusyError, KeyringError
from analytics.pool import archive, deliveries, pooling, receipts
from analytics.privacy import keys, retention, vault

from tests import pool_study
from tests.pool_study import DAY, Row, content, when


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    return pool_study.make(monkeypatch, tmp_path)


def fill(chosen, files=6):
    for n in range(files):
        rows = [Row(f"F{i % 50}", "2020-01-30", str(i % 7)) for i in range(n, n + 40)]
        deliveries.drop(chosen, "beds", DAY + timedelta(n), content(rows), delivered=when(n))


def store(chosen):
    """Every file of the state, and what it holds."""
    return {
        str(p.relative_to(chosen.state)): p.read_bytes()
        for p in chosen.state.rglob("*")
        if p.is_file() and p.name != "lock"
    }


@pytest.fixture(scope="module")
def kill():
    """Pool a folder's inbox, killed after some seconds or before a file-system call."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.pool_kills"], cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def ask(folder, moment):  # noqa: ANN202
        process.stdin.write(f"pool {folder} {moment}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    with process:
        yield ask
        process.stdin.close()


@pytest.fixture
def furnished(chosen, monkeypatch, tmp_path):
    """Make studies with six deliveries and one key each; the first is pooled undisturbed."""
    keys.create(chosen.name)

    def furnish(place):  # noqa: ANN202
        there = pool_study.make(monkeypatch, tmp_path / place)
        shutil.copytree(tmp_path / "keys", tmp_path / place / "keys", dirs_exist_ok=True)
        fill(there, 4)
        for n in range(2):
            text = f"phone,date,city\n1381234567{n},2020-01-30,武汉\n"
            deliveries.drop(there, "roaming", DAY, text.encode(), delivered=when(n), part=str(n))
        return tmp_path / place, there

    return furnish


def held(chosen):
    """Every file of the state, sealed ones as what they hold; once the inbox is empty."""
    ring, folder = keys.load(chosen.name), chosen.state / "vault"
    found = {k: v for k, v in store(chosen).items() if not k.startswith("vault")}
    return found | {name: vault.unseal(folder, name, ring).read() for name in vault.names(folder)}


def survives(folder, chosen, expected):
    """What a kill left opens, and a second run ends where an undisturbed one does."""
    assert archive.verify(chosen.state / "archive") == []
    pooling.run(chosen, keys.load(chosen.name))
    assert held(chosen) == expected
    shutil.rmtree(folder)


def undisturbed(furnished):
    folder, there = furnished("undisturbed")
    started = time.monotonic()
    pooling.run(there, keys.load(there.name))
    return held(there), time.monotonic() - started, folder


@pytest.mark.slow
def test_killed_at_some_file_system_calls(furnished, kill):
    """At three of them: before anything is known, when it is, and at the end."""
    expected, _, _ = undisturbed(furnished)
    folder, _ = furnished("counted")
    last = kill(folder, "count")
    assert last > 50
    for step in (last // 3, last - 8, last):
        folder, there = furnished(f"at-{step}")
        assert kill(folder, step) == -signal.SIGKILL
        survives(folder, there, expected)


@pytest.mark.slow
@pytest.mark.parametrize("tenth", range(10))
def test_killed_at_every_file_system_call(furnished, kill, tenth):
    expected, _, _ = undisturbed(furnished)
    folder, _ = furnished("counted")
    last = kill(folder, "count")
    for step in range(1 + tenth, last + 1, 10):
        folder, there = furnished(f"at-{step}")
        assert kill(folder, step) == -signal.SIGKILL
        survives(folder, there, expected)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.fault(
    "pool killed at random moments", "archive", "the next run ends in the same store, byte for byte"
)
def test_many_killed_runs(furnished, kill, seed):
    """Five random moments, one run after another, each going on where the last stopped."""
    expected, spent, _ = undisturbed(furnished)
    generator = random.Random(seed)
    folder, there = furnished("killed")
    for _ in range(5):
        assert kill(folder, f"{generator.uniform(0.001, 1.2 * spent):.4f}") in {-signal.SIGKILL, 0}
        assert archive.verify(there.state / "archive") == []
    survives(folder, there, expected)


def test_a_kill_at_every_step_ends_in_the_same_store(chosen, monkeypatch, tmp_path):
    """Each step after which a process can die, in turn, without waiting for luck."""
    fill(chosen, 2)
    pooling.run(chosen)
    expected = store(chosen)
    steps = [
        (archive, "append"),
        (archive, "write_parts"),
        (pooling, "_put_away"),
        (receipts, "write"),
    ]
    for place, (module, name) in enumerate(steps):
        again = pool_study.make(monkeypatch, tmp_path / str(place))
        fill(again, 2)
        real = getattr(module, name)

        def dies(*given, real=real):  # noqa: ANN002, ANN202
            real(*given)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(module, name, dies)
            with pytest.raises(KeyboardInterrupt):
                pooling.run(again)
        pooling.run(again)
        assert store(again) == expected


@pytest.mark.parametrize(("limit", "value"), [("_GROUP", 1), ("_GROUP", 3), ("_GROUP_BYTES", 2)])
def test_taken_in_together_or_apart_the_archive_is_the_same(
    chosen, monkeypatch, tmp_path, limit, value
):
    """Part for part and line for line, of several feeds, some of which name persons."""

    def taken_in(place: str) -> dict[str, bytes]:
        there = pool_study.make(monkeypatch, tmp_path / place)
        fill(there, 4)
        for n in range(4):
            text = PERSON + PERSON.splitlines(keepends=True)[1].replace("1,", f"{n + 2},", 1)
            deliveries.drop(there, "cases", DAY, text.encode(), delivered=when(n), part=str(n))
        pooling.run(there, ring)
        return {k: v for k, v in store(there).items() if not k.startswith("vault")}

    ring = keys.create(chosen.name)
    expected = taken_in("together")
    with monkeypatch.context() as patch:
        patch.setattr(pooling, limit, value)
        assert taken_in("apart") == expected
    assert sum(k.startswith("archive/parts/cases") for k in expected) == 4


@pytest.mark.fault(
    "archive list torn", "archive", "the torn line was never acknowledged; swept away"
)
def test_a_torn_last_line_is_swept_away(chosen):
    fill(chosen, 2)
    pooling.run(chosen)
    before = store(chosen)
    with (chosen.state / "archive" / "manifest.jsonl").open("ab") as stream:
        stream.write(b'{"feed": "be')
    assert len(archive.entries(chosen.state / "archive")) == 2
    pooling.run(chosen)
    assert store(chosen) == before


@pytest.mark.fault("archive list edited", "archive", "refused, the line named")
def test_a_changed_line_is_found(chosen):
    fill(chosen, 2)
    pooling.run(chosen)
    path = chosen.state / "archive" / "manifest.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"quarantined": 0', b'"quarantined": 9', 1))
    with pytest.raises(ArchiveError, match="line 1"):
        archive.entries(chosen.state / "archive")


@pytest.mark.fault("archive part damaged or lost", "archive", "named with the deliveries it holds")
def test_damaged_and_missing_parts_are_named(chosen):
    fill(chosen, 2)
    pooling.run(chosen)
    first, second = sorted((chosen.state / "archive" / "parts").glob("*/*"))
    content = bytearray(first.read_bytes())
    content[20] ^= 1
    first.write_bytes(content)
    second.unlink()
    damage = archive.verify(chosen.state / "archive")
    assert sorted(line.split(" (")[0].split()[-1] for line in damage) == ["damaged", "missing"]


@pytest.mark.fault(
    "two pools at once", "archive", "the second is refused, exit code 15; nothing lost"
)
def test_two_writers_take_turns(chosen):
    fill(chosen, 1)
    with archive.writing(chosen.state / "archive"), pytest.raises(BusyError):
        pooling.run(chosen)
    assert len(pooling.run(chosen).added) == 1


@pytest.mark.fault(
    "half-copied delivery", "deliveries", "waits for its marker, or until it settles"
)
def test_half_copied_files_wait(chosen):
    path = deliveries.drop(chosen, "beds", DAY, content([Row("A", "2020-01-30", "1")]))
    path.with_name(path.name + ".done").unlink()
    path.with_name("cases.csv.part").write_bytes(b"x")
    outcome = pooling.run(chosen)
    assert (outcome.added, outcome.waiting) == ((), 2)
    old = time.time() - 3600
    os.utime(path, (old, old))
    assert len(pooling.run(chosen).added) == 1


@pytest.mark.parametrize(
    ("said", "reason"), [('{"sha256": "0"}', "checksum"), ('{"rows": 7}', "rows"), ("{", "marker")]
)
@pytest.mark.fault(
    "delivery other than its marker says", "deliveries", "whole file set aside, with the reason"
)
def test_a_file_that_is_not_as_its_marker_states_is_refused(chosen, said, reason):
    path = deliveries.drop(chosen, "beds", DAY, content([Row("A", "2020-01-30", "1")]))
    path.with_name(path.name + ".done").write_text(said)
    assert [entry.refused for entry in pooling.run(chosen).added] == [reason]


@pytest.mark.fault("link in the inbox", "deliveries", "not followed")
def test_links_and_strange_places_are_not_read(chosen, tmp_path):
    secret = tmp_path / "beds.csv"
    secret.write_bytes(content([Row("A", "2020-01-30", "1")]))
    folder = chosen.state / "inbox" / "health" / "2020-02-01"
    folder.mkdir(parents=True)
    (folder / "beds.csv").symlink_to(secret)
    (folder / "beds.csv.done").touch()
    (folder / "..beds.csv").write_bytes(secret.read_bytes())
    (chosen.state / "inbox" / "beds.csv").write_bytes(secret.read_bytes())
    (folder / "gates.csv").write_bytes(b"gate\n1\n")  # another department's feed
    assert pooling.run(chosen).added == ()
    assert secret.exists()


PERSON = "case_number,reporting_county,classification,reported,id_number,name,phone,address\n1,420102,确诊病例,2020-01-30,11010519491231002X,欧阳某某,13812345678,武汉市江岸区解放大道77号\n"  # noqa: E501


@pytest.mark.fault(
    "key missing", "keys", "persons wait in the inbox, all else goes on; exit code 20"
)
def test_without_a_key_persons_stay_in_the_inbox(chosen):
    path = deliveries.drop(chosen, "cases", DAY, PERSON.encode())
    fill(chosen, 1)
    with pytest.raises(KeyringError, match="health: cases"):
        pooling.run(chosen)
    assert path.exists()
    assert [e.feed for e in archive.entries(chosen.state / "archive")] == ["beds"]


def test_no_person_is_in_clear_outside_the_vault(chosen):
    deliveries.drop(chosen, "cases", DAY, PERSON.encode())
    deliveries.drop(chosen, "cases", DAY, PERSON.replace("确诊病例", "?").encode(), part="bad")
    pooling.run(chosen, keys.create(chosen.name))
    connection = engine.connect()
    state = connection.execute(
        archive.as_of(chosen.state / "archive", when(1e6), connection)["cases"]
    )
    assert len(state) == 1
    assert not {"name", "address"} & set(state.columns)
    told = state.to_csv().encode()
    for secret in ("11010519491231002X", "欧阳某某", "13812345678", "解放大道77号"):
        assert secret.encode() not in told
        for path in chosen.state.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    assert not list((chosen.state / "inbox").rglob("cases*"))


def dropped(chosen):
    """Three deliveries that name persons; what the files hold."""
    texts = [PERSON.replace("\n1,", f"\n{n},") for n in range(1, 4)]
    for n, text in enumerate(texts):
        deliveries.drop(chosen, "cases", DAY, text.encode(), delivered=when(n), part=str(n))
    return {text.encode() for text in texts}


@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("name", ["_sealed", "_unchanged"])
def test_killed_while_originals_are_sealed_nothing_is_lost(
    chosen, monkeypatch, tmp_path, name, calls
):
    """After the first, second or third file is sealed, and before it leaves the inbox."""
    ring = keys.create(chosen.name)
    content_of = dropped(chosen)
    pooling.run(chosen, ring)
    expected = {k: v for k, v in store(chosen).items() if not k.startswith("vault")}
    again = pool_study.make(monkeypatch, tmp_path / "again")
    dropped(again)
    real, left = getattr(vault, name), [calls]

    def dies(*given):  # noqa: ANN002, ANN202
        found = real(*given)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return found

    with monkeypatch.context() as patch:
        patch.setattr(vault, name, dies)
        with pytest.raises(KeyboardInterrupt):
            pooling.run(again, ring)
    assert pooling.run(again, ring).added == ()
    assert {k: v for k, v in store(again).items() if not k.startswith("vault")} == expected
    folder = again.state / "vault"
    originals = [name for name in vault.names(folder) if not name.startswith("linkage/")]
    assert {vault.unseal(folder, name, ring).read() for name in originals} == content_of
    assert not [path for path in (again.state / "inbox").rglob("*") if path.is_file()]


@pytest.mark.fault("inputs purged", "archive", "told with day and name")
def test_purged_inputs_are_told_of(chosen):
    deliveries.drop(chosen, "cases", DAY, PERSON.encode(), delivered=when(0))
    ring = keys.create(chosen.name)
    pooling.run(chosen, ring)
    assert pooling.purged(chosen, ring) == []
    retention.purge(chosen.state / "vault", DAY + timedelta(1), ring)
    answer = CliRunner().invoke(cli.app, ["archive", "verify"], catch_exceptions=False)
    assert answer.exit_code == 0
    assert answer.output.startswith("inputs purged on ")
    assert f"of {DAY}" in answer.output
    assert "1 deliveries, every part whole" in answer.output


@pytest.mark.fault(
    "clock set back between deliveries", "deliveries", "the correction still counts last"
)
def test_a_clock_set_back_puts_no_correction_before_what_it_corrects(chosen):
    """Files without a stated moment: what came in a later run was told later, whatever its date."""
    first = deliveries.drop(chosen, "beds", DAY, content([Row("A", "2020-01-30", "1")]))
    dated(first, when(10))
    pooling.run(chosen)
    second = deliveries.drop(chosen, "beds", DAY, content([Row("A", "2020-01-30", "2")]))
    dated(second, when(3))
    pooling.run(chosen)
    connection = engine.connect()
    state = archive.as_of(chosen.state / "archive", when(1e4), connection)["beds"]
    assert connection.execute(state)["beds"].tolist() == [2]
    connection.disconnect()


def dated(path, moment):
    """Give a delivery an empty marker whose own date is all that says when it came."""
    marker = path.with_name(path.name + ".done")
    marker.write_bytes(b"")
    os.utime(marker, (moment.timestamp(), moment.timestamp()))


@pytest.mark.fault(
    "delivery dated in the future", "deliveries", "waits; taken in once the clock is right"
)
def test_a_delivery_from_the_future_waits_until_the_clock_is_right(chosen, monkeypatch):
    path = deliveries.drop(chosen, "beds", DAY, content([Row("A", "2020-01-30", "1")]))
    dated(path, deliveries.datetime.now(archive.ZONE) + timedelta(days=400))
    outcome = pooling.run(chosen)
    assert (len(outcome.added), outcome.waiting, path.exists()) == (0, 1, True)

    class Later(deliveries.datetime):
        @classmethod
        def now(cls, zone=None):  # noqa: ANN206
            return super().now(zone) + timedelta(days=401)

    monkeypatch.setattr(deliveries, "datetime", Later)
    assert len(pooling.run(chosen).added) == 1


@pytest.mark.fault(
    "clock jumps ahead during a copy", "deliveries", "file seen to grow waits; no row lost"
)
def test_a_file_written_to_while_it_is_read_waits(chosen, monkeypatch):
    """A clock that jumps ahead makes a half-copied file look settled; no row of it is lost."""
    rows = [Row(f"F{n}", "2020-01-30", "1") for n in range(10)]
    path = deliveries.drop(chosen, "beds", DAY, content(rows[:5]))
    path.with_name(path.name + ".done").unlink()
    os.utime(path, (time.time() - 3600,) * 2)
    real = pooling.reading.read

    def grows(*given):  # noqa: ANN002, ANN202
        read = real(*given)
        with path.open("ab") as stream:
            stream.write(content(rows[5:]).split(b"\n", 1)[1])
        return read

    with monkeypatch.context() as patch:
        patch.setattr(pooling.reading, "read", grows)
        outcome = pooling.run(chosen)
    assert (outcome.added, outcome.waiting) == ((), 1)
    os.utime(path, (time.time() - 3600,) * 2)
    (entry,) = pooling.run(chosen).added
    assert entry.accepted == 10


@pytest.mark.fault("stale lock", "archive", "the system let go of it; the next run goes on")
def test_a_lock_left_by_a_dead_writer_holds_nobody_up(chosen):
    fill(chosen, 1)
    folder = chosen.state / "archive"
    code = (
        "import os, sys; from pathlib import Path; from analytics.pool import archive\n"
        "with archive.writing(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    dead = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert (dead.returncode, (folder / "lock").exists()) == (-9, True)
    assert len(pooling.run(chosen).added) == 1


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/beds.csv", "..", "beds.csv/../../x", "beds;rm -rf .csv", "beds.$(id).csv",
        "beds.csv\n.csv", "beds..csv", "BEDS.CSV", "beds.\u202ecsv", "beds.csv.zip",
    ],
)  # fmt: skip
@pytest.mark.fault(
    "path traversal in a delivery's name", "deliveries", "never read; nothing written outside"
)
def test_a_file_name_leads_nowhere(chosen, name):
    """Names outside the layout are never read, wherever they would lead."""
    folder = chosen.state / "inbox" / "health" / "2020-02-01"
    folder.mkdir(parents=True)
    before = sorted(chosen.state.parent.rglob("*"))
    target = folder / name.replace("/", "\\")
    if name != "..":
        target.write_bytes(content([Row("A", "2020-01-30", "1")]))
        os.utime(target, (time.time() - 3600,) * 2)
    assert pooling.run(chosen).added == ()
    outside = [p for p in chosen.state.parent.rglob("*") if p not in before]
    assert all(p.is_relative_to(chosen.state) for p in outside)


@pytest.mark.fault(
    "formula text in a reject list", "deliveries", "lists name columns and reasons, never a cell"
)
def test_reject_lists_hold_no_text_of_the_department(chosen):
    """A spreadsheet program that opens a reject list has nothing to run."""
    bomb = '=HYPERLINK("http://evil.example")'
    body = f'facility,date,county,beds,{bomb}\n"{bomb}",{bomb},{bomb},{bomb},1\n'
    deliveries.drop(chosen, "beds", DAY, body.replace(f",{bomb}\n", ",@SUM(A1)\n", 1).encode())
    (entry,) = pooling.run(chosen).added
    assert entry.quarantined == 1
    told = [p.read_bytes() for p in (chosen.state / "receipts").rglob("*") if p.is_file()]
    assert len(told) == 2
    assert not any(word in text for text in told for word in (b"HYPERLINK", b"@SUM", b"evil"))
