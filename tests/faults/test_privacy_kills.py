"""Killed at any moment, keys, vault and audit log are as before or as after, never between."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from tests import privacy_kills
from tests.privacy_kills import DAYS

from analytics.errors import ArchiveError, KeyringError
from analytics.privacy import audit, crosswalk, keys, pseudonyms, retention, vault

NAMES = [f"old/{day}/cases" for day in DAYS]
USES = ("archive", "screening", "travel", "health_code", "resettlement", "statistics")
Kill = Callable[[str, Path, object], int]
Case = tuple[Callable[[], object], Callable[[object], str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in memory where there is one: a kill asks nothing of a disk, and fsync is slow."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else tmp_path))
    monkeypatch.setenv("WORKBENCH_KEYS", str(folder / "keys"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def kill(place: Path) -> Iterator[Kill]:
    process = subprocess.Popen(
        [sys.executable, privacy_kills.__file__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"WORKBENCH_KEYS": str(place / "keys")},
    )  # fmt: skip

    def ask(deed: str, folder: Path, moment: object) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{deed} {folder} {moment}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    with process:
        yield ask
        assert process.stdin is not None
        process.stdin.close()


def furnish(place: Path) -> keys.Ring:
    """A ring, a vault with three days, a file in the inbox; from scratch."""
    for name in ("keys", "vault"):
        shutil.rmtree(place / name, ignore_errors=True)
    ring = keys.create("wuhan")
    for day, name in zip(DAYS, NAMES, strict=True):
        (place / "source").write_bytes(name.encode() * 1000)
        vault.seal(place / "vault", place / "source", name, day, ring)
    (place / "inbox").write_bytes(b"new" * 700_000)
    return ring


def litter(place: Path) -> list[Path]:
    return [*(place / "vault").rglob(".partial-*"), *(place / "keys").rglob(".partial-*")]


def content(place: Path, name: str, ring: keys.Ring) -> bytes:
    with vault.unseal(place / "vault", name, ring) as stream:
        return stream.read()


def killed_at(kill: Kill, deed: str, place: Path, case: Case, steps: Iterable[int]) -> set[str]:
    """Kill a deed at each of these calls; what was found afterwards, in one word each."""
    prepare, check = case
    found = set()
    for step in steps:
        before = prepare()
        assert kill(deed, place, step) == -9, step
        found.add(check(before))
    return found


def check_rotation(place: Path, old: keys.Ring) -> str:
    """The old or the new generation is in force, whole; the next rotation works and tidies up."""
    now = keys.load("wuhan")
    values = privacy_kills.identifiers()
    for name in NAMES:
        assert content(place, name, now) == name.encode() * 1000
    if now.generation == 1:
        assert now == old
    else:
        assert (now.generation, now.retired) == (2, (old.fingerprint,))
        for use in USES:
            before = pseudonyms.pseudonymise(values, old, use)
            found = crosswalk.translate(place / "vault", before, now, use, old.fingerprint)
            assert found.to_pylist() == pseudonyms.pseudonymise(values, now, use).to_pylist()
    after = crosswalk.rotate(place / "vault", now, values, uses=["travel"])
    found = crosswalk.translate(place / "vault", pseudonyms.pseudonymise(values, old, "travel"),
                                after, "travel", old.fingerprint)  # fmt: skip
    assert found.to_pylist() == pseudonyms.pseudonymise(values, after, "travel").to_pylist()
    assert litter(place) == []
    assert len(list((place / "keys" / "wuhan").glob("periods-*"))) == 1
    known = {name.split("/")[1].replace("-", "") for name in vault.names(place / "vault")
             if name.startswith("crosswalk/")}  # fmt: skip
    assert known == {*after.retired, after.fingerprint} - {old.fingerprint}
    return "old" if now.generation == 1 else "new"


def check_purge(place: Path, ring: keys.Ring) -> str:
    """Both days are readable or neither, and whatever is not is known to be purged."""
    gone = []
    for name in NAMES[:2]:
        stone = retention.purged(place / "vault", name, ring)
        gone.append(stone is not None)
        if stone is None:
            assert content(place, name, ring) == name.encode() * 1000
        else:
            with pytest.raises(ArchiveError, match="purged"):
                vault.unseal(place / "vault", name, ring)
    assert gone[0] == gone[1]
    assert content(place, NAMES[2], ring) == NAMES[2].encode() * 1000
    retention.purge(place / "vault", DAYS[2], ring)
    assert [stone.name for stone in retention.tombstones(place / "vault")] == NAMES[:2]
    assert vault.names(place / "vault") == (NAMES[2],)
    return "purged" if gone[0] else "kept"


def check_seal(place: Path, ring: keys.Ring) -> str:
    """The original or its sealed copy is there, whole; sealing again ends what was begun."""
    whole = b"new" * 700_000
    sealed = "new/cases" in vault.names(place / "vault")
    if sealed:
        assert content(place, "new/cases", ring) == whole
    else:
        assert (place / "inbox").read_bytes() == whole
    if (place / "inbox").exists():
        vault.seal(place / "vault", place / "inbox", "new/cases", DAYS[2], ring)
    assert content(place, "new/cases", ring) == whole
    assert not (place / "inbox").exists()
    (place / "inbox").write_bytes(b"next")
    vault.seal(place / "vault", place / "inbox", "next/cases", DAYS[2], ring)
    assert litter(place) == []
    return "vault" if sealed else "inbox"


def check_create(place: Path) -> str:
    """There is a whole ring, or none and one can be made."""
    made = (place / "keys" / "wuhan" / "ring.json").exists()
    if not made:
        with pytest.raises(KeyringError, match="has no keys"):
            keys.load("wuhan")
    ring = keys.load("wuhan") if made else keys.create("wuhan")
    keys.period_key(ring, DAYS[0], make=True)
    assert keys.load("wuhan") == ring
    return "made" if made else "none"


def check_record(place: Path) -> str:
    """Every acknowledged entry is in the log, and the log can be continued."""
    said = (place / "acknowledged").read_text().split() if (place / "acknowledged").exists() else []
    heads = [audit.Head(int(h.split(":")[1]), h.split(":")[2]) for h in said if h.count(":") == 2]
    log = place / "audit.jsonl"
    found = audit.verify(log, [head for head in heads if len(head.digest) == 64])
    assert found.head.entries >= len(heads) - 1
    after = audit.record(log, "read", "after", role="clerk")
    assert audit.verify(log, [after]).torn_bytes == 0
    return "written"


def check_empty(place: Path) -> None:
    for path in place.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def cases(place: Path) -> dict[str, Case]:
    def fresh() -> None:
        check_empty(place)

    return {
        "create": (fresh, lambda _: check_create(place)),
        "rotate": (lambda: furnish(place), lambda ring: check_rotation(place, ring)),
        "purge": (lambda: furnish(place), lambda ring: check_purge(place, ring)),
        "seal": (lambda: furnish(place), lambda ring: check_seal(place, ring)),
        "record": (fresh, lambda _: check_record(place)),
    }


BOTH = {
    "create": {"none", "made"},
    "rotate": {"old", "new"},
    "purge": {"kept", "purged"},
    "seal": {"inbox", "vault"},
    "record": {"written"},
}


@pytest.mark.parametrize("deed", list(BOTH))
def test_killed_at_some_file_system_calls(place, kill, cases, deed):
    """At four of them, more towards the end, where the old gives way to the new."""
    cases[deed][0]()
    last = kill(deed, place, "count")
    steps = sorted({max(1, last - back) for back in (0, 2, 8, last * 2 // 3)})
    assert killed_at(kill, deed, place, cases[deed], steps) == BOTH[deed]


@pytest.mark.slow
@pytest.mark.parametrize("deed", list(BOTH))
def test_killed_at_every_file_system_call(place, kill, cases, deed):
    cases[deed][0]()
    last = kill(deed, place, "count")
    assert killed_at(kill, deed, place, cases[deed], range(1, last + 1)) == BOTH[deed]
    cases[deed][0]()
    assert kill(deed, place, last + 1) == 0


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["create", "rotate", "purge", "seal", "record"])
@pytest.mark.fault(
    "keys, vault, log killed at 200 random moments", "keys", "as before or as after, never between"
)
def test_killed_at_forty_random_moments(place, kill, cases, deed):
    """Five deeds: two hundred kills."""
    prepare, check = cases[deed]
    chance = random.Random(deed)
    for _ in range(40):
        before = prepare()
        assert kill(deed, place, f"{chance.uniform(0.0005, 0.08):.4f}") in {-9, 0}
        check(before)


@pytest.mark.fault("four writers of one audit log", "keys", "each entry there, chain whole")
def test_parallel_writers_lose_no_entry(tmp_path):
    script = (
        "import sys; from pathlib import Path; from analytics.privacy import audit\n"
        "for n in range(25): audit.record(Path(sys.argv[1]), 'read', f'w{sys.argv[2]}/{n}', "
        "role='clerk')"
    )
    log = tmp_path / "audit.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", script, str(log), str(n)]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert audit.verify(log, [audit.head(log)]).head.entries == 100
    for number in range(4):
        written = [line for line in log.read_text().splitlines() if f'"w{number}/' in line]
        assert len(written) == 25
