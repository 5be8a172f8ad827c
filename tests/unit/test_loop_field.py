"""A simulated field team works on exported lists alone, and the loop cannot see its errors."""

from __future__ import annotations

import shutil
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import loop_study as drawn
from tests import pool_study

from analytics import study as studies
from analytics.loop import feedback, ledger, persons, push, worklists
from analytics.privacy import keys, vault
from analytics.simulation import field, province, truth

STUDY = "hubei-2020-simulated"
DAY = date(2020, 2, 1)
PUSHED = datetime(2020, 2, 1, 8, tzinfo=studies.ZONE)
BACK = datetime(2020, 2, 20, 20, tzinfo=studies.ZONE)
LOOP = """
[[duties]]
task = "screening"
who = { zh = "社区", en = "Communities" }
due = 20:00:00
team = "community"
purpose = "screening"
columns = ["name", "phone", "number"]
capacity = 5000
"""


@pytest.fixture(scope="module")
def province_of(tmp_path_factory):
    """A province in whose vault everybody is known, half of those pushed infected."""
    folder = tmp_path_factory.mktemp("field")
    with pytest.MonkeyPatch.context() as patch:
        root = folder / "root"
        for name in (STUDY, "hubei-2020"):
            shutil.copytree(drawn.ROOT / "data" / name, root / "data" / name,
                            ignore=shutil.ignore_patterns("state"))  # fmt: skip
        said = root / "data" / STUDY / "study.toml"  # one duty for all, in place of its roster
        said.write_text(said.read_text("utf-8").partition("[[duties]]")[0] + LOOP, "utf-8")
        patch.setenv("WORKBENCH_ROOT", str(root))
        patch.setenv("WORKBENCH_HOME", str(folder / "home"))
        patch.setenv("WORKBENCH_KEYS", str(folder / "keys"))
        pool_study.with_published(folder / "home")
        study = studies.load(STUDY)
        province.simulate(study, 2000, 3, date(2020, 1, 23), DAY)
        ring = keys.create(STUDY)
        known = pq.read_table(truth.folder(study) / "persons.parquet")
        resolved = known.select(["person", "name", "phone", "county", "address"])
        resolved = resolved.append_column("number", known["id_number"])
        resolved = resolved.append_column("birth", known["birth_date"])
        for name, table in (("resolved", resolved), (
            "persons", known.select(["person", "id_number", "document", "phone"]))):  # fmt: skip
            vault.seal_table(study.state / "vault", table, f"linkage/{name}", DAY, ring)
        sick = pq.read_table(truth.folder(study) / "infections.parquet")
        infected = [i["person"] for i in sick.to_pylist() if i["date"] <= DAY.isoformat()][:60]
        others = [p for p in known["person"].to_pylist() if p not in set(
            sick["person"].to_pylist())][:60]  # fmt: skip
        where = dict(zip(known["person"].to_pylist(), known["county"].to_pylist(), strict=True))
        chosen = [p for p in (*infected, *others) if where[p]]
        found = drawn.findings(ring, chosen, duty="screening", asks="infected")
        found = found.set_column(2, "county", pa.array(["420102"] * len(chosen)))
        push.push(study, found, ring, PUSHED)
        (name,) = worklists.summary(study, PUSHED)["list"].to_pylist()
        (listed,) = worklists.export(study, [name], ring, PUSHED, folder / "out",
                                  password=drawn.PASSWORD)  # fmt: skip
        true = {persons.pseudonyms_of(pa.array([p]), ring, "screening")[0].as_py()
                for p in infected}  # fmt: skip
        yield study, ring, folder, listed.path, true


def told(province_of, day: date, **habits: float) -> dict[str, str]:
    """Status of each subject after the team's list came back."""
    study, ring, folder, listed, _ = province_of
    before = folder / "before"
    if before.exists():
        shutil.rmtree(study.state)
        shutil.copytree(before, study.state, dirs_exist_ok=True)
    else:
        shutil.copytree(study.state, before)
    done = field.fill(study, listed, folder / "back", day, 5, habits=field.Habits(**habits),
                      password=drawn.PASSWORD)  # fmt: skip
    got = drawn.receive(study, done.path, ring, BACK, password=drawn.PASSWORD)
    assert got.aside == ()
    rows = ledger.rows(study, BACK).to_pylist()
    assert sum(got.balance[name] for name in ("verified", "outstanding", "returned")) == len(rows)
    return {row["subject"]: row["status"] for row in rows}


def test_a_team_without_error_tells_the_truth(province_of):
    said = told(province_of, date(2020, 2, 15), error=0, unreachable=0, moved=0, delay=0)
    true = province_of[4]
    assert {s for s, status in said.items() if status == "confirmed"} == true & set(said)
    assert set(said.values()) == {"confirmed", "refuted"}


def test_errors_come_at_the_stated_rate_and_are_the_same_each_time(province_of):
    habits = {"error": 0.2, "unreachable": 0.1, "moved": 0.0, "delay": 0.0}
    said = told(province_of, date(2020, 2, 15), **habits)
    true = province_of[4]
    decided = {s: status for s, status in said.items() if status in ledger.VERIFIED}
    wrong = sum((status == "confirmed") != (s in true) for s, status in decided.items())
    # keys are new in each run, and with them who errs: five standard errors either way
    assert abs(wrong / len(decided) - 0.2) < 5 * (0.2 * 0.8 / len(decided)) ** 0.5
    unreached = list(said.values()).count("unreachable") / len(said)
    assert abs(unreached - 0.1) < 5 * (0.1 * 0.9 / len(said)) ** 0.5
    assert told(province_of, date(2020, 2, 15), **habits) == said


def test_what_is_not_done_yet_stays_open(province_of):
    early = told(province_of, date(2020, 2, 1), delay=6)
    late = told(province_of, date(2020, 2, 19), delay=6)
    assert list(early.values()).count("outstanding") > list(late.values()).count("outstanding") > 0


def test_a_null_team_tosses_coins(province_of):
    said = told(province_of, date(2020, 2, 15), null=True, unreachable=0, moved=0, delay=0)
    true = province_of[4]
    for group in (True, False):
        answers = [status for s, status in said.items() if (s in true) == group]
        assert 0.2 < answers.count("confirmed") / len(answers) < 0.8
    study = province_of[0]
    (row,) = feedback.precision(feedback.outcomes(*ledger.known(study, BACK))).to_dict("records")
    assert 0.3 < row["precision"] < 0.7  # four standard errors around a half


def test_no_floor_of_the_loop_reads_the_truth():
    for path in (drawn.ROOT / "src" / "analytics" / "loop").glob("*.py"):
        assert "simulation" not in path.read_text(encoding="utf-8"), path.name
