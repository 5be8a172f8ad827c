"""What answers say of rules: precision, recall, thresholds, overdue work; and what is shared."""

from __future__ import annotations

import json
import shutil
from datetime import date

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import loop_study as drawn
from typer.testing import CliRunner

from analytics.cli import app
from analytics.errors import (
    AuditError,
    ContractError,
    ParameterError,
    VerificationError,
    WorkbenchError,
)
from analytics.loop import (
    feedback,
    findings,
    ledger,
    push,
    sharing,
    thresholds,
    worklists,
)
from analytics.privacy import vault
from analytics.study import Threshold


def test_wilson_interval_is_the_published_one():
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, and 0 of 20 and 1 of 29."""
    low, high = feedback.wilson([81, 0, 1, 0], [263, 20, 29, 0])
    assert low.round(4).tolist()[:3] == [0.2553, 0.0, 0.0061]
    assert high.round(4).tolist()[:3] == [0.3662, 0.1611, 0.1718]
    assert np.isnan(low[3])


def outcomes(rows: list[dict[str, object]]) -> pa.Table:
    base = {
        "rule": "r", "rule_version": "1", "duty": "d", "asks": "contact", "list": "l",
        "county": "420102", "department": "health", "score": None, "sampled": False,
        "inclusion": 1.0, "date": date(2020, 2, 10), "subject": "s", "reason_zh": "",
        "reason_en": "", "status": "outstanding",
    }  # fmt: skip
    judged = {"confirmed": True, "refuted": False}
    schema = pa.schema([
        *[(n, pa.string()) for n in ("rule", "rule_version", "question", "duty", "asks", "list",
                                     "county", "department", "subject", "reason_zh", "reason_en",
                                     "status")],
        ("score", pa.float64()), ("sampled", pa.bool_()), ("inclusion", pa.float64()),
        ("date", pa.date32()), ("upheld", pa.bool_()),
    ])  # fmt: skip
    said = [base | {"question": f"q{n}"} | row for n, row in enumerate(rows)]
    said = [row | {"upheld": judged.get(str(row["status"]))} for row in said]
    return pa.Table.from_pylist(said, schema=schema)


def test_precision_counts_verified_only_and_no_rule_of_our_own():
    table = outcomes(
        [{"status": "confirmed"}] * 6 + [{"status": "refuted"}] * 2 + [{"status": "unreachable"}]
        + [{"rule": "random_check", "sampled": True, "status": "refuted"}]
    )  # fmt: skip
    (row,) = feedback.precision(table).to_dict("records")
    assert (row["pushed"], row["verified"], row["confirmed"], row["precision"]) == (9, 8, 6, 0.75)


def test_recall_weighs_each_sampled_person_by_the_inverse_of_the_chance():
    """60 found; 2 of 40 drawn with chance 1/10 are true, so 20 of 400 are missed: 75 %."""
    drawn_people = [{"rule": "random_check", "sampled": True, "inclusion": 0.1,
                     "status": "confirmed" if n < 2 else "refuted"} for n in range(40)]  # fmt: skip
    (row,) = feedback.recall(outcomes([{"status": "confirmed"}] * 60 + drawn_people)).to_dict(
        "records"
    )
    assert (row["missed"], row["recall"]) == (pytest.approx(20), pytest.approx(0.75))
    assert row["low"] < 0.75 < row["high"]


def test_recall_without_a_miss_in_the_sample_is_not_certain():
    drawn_people = [{"rule": "random_check", "sampled": True, "inclusion": 0.1,
                     "status": "refuted"}] * 20  # fmt: skip
    table = outcomes([{"status": "confirmed"}] * 60 + drawn_people)
    (row,) = feedback.recall(table).to_dict("records")
    assert row["recall"] == 1
    assert row["low"] < 0.95


def test_recall_covers_the_truth_as_often_as_it_says():
    """Of 60 drawn provinces, at least 85 % of the 95 % intervals hold the true recall."""
    held = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        flagged = generator.random(100) < 0.6
        missed = generator.random(2000) < 0.03
        sample = generator.choice(2000, 200, replace=False)
        rows = [{"status": "confirmed" if x else "refuted"} for x in flagged]
        rows += [{"rule": "random_check", "sampled": True, "inclusion": 0.1,
                  "status": "confirmed" if missed[n] else "refuted"} for n in sample]  # fmt: skip
        (row,) = feedback.recall(outcomes(rows), seed=seed).to_dict("records")
        truth = flagged.sum() / (flagged.sum() + missed.sum())
        held += row["low"] <= truth <= row["high"]
    assert held >= 51


RULE = Threshold(rule="r", value=0.5)


def drawn_scores(many: int, seed: int, *, useful: bool) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    scores = generator.random(many)
    chance = 1 / (1 + np.exp(-20 * (scores - 0.7))) if useful else np.full(many, 0.3)
    return scores, generator.random(many) < chance


def test_a_threshold_moves_towards_the_least_loss_and_not_all_the_way():
    scores, true = drawn_scores(400, 1, useful=True)
    found = thresholds.recalibrate(scores, true, np.ones(400), RULE)
    assert (found.reason, found.loss_proposed < found.loss_current) == ("", True)
    assert 0.6 < found.proposed < 0.75
    few = thresholds.recalibrate(scores[:90], true[:90], np.ones(90), RULE)
    assert abs(few.proposed - 0.5) < abs(found.proposed - 0.5) + 0.05


def test_a_dear_miss_lowers_the_threshold():
    scores, true = drawn_scores(600, 2, useful=True)
    dear = Threshold(rule="r", value=0.7, miss=20)
    assert thresholds.recalibrate(scores, true, np.ones(600), dear).proposed < 0.7


def test_random_answers_move_no_threshold():
    """The null run: a score that says nothing is called blind, whatever it would save."""
    moved = 0
    for seed in range(40):
        scores, true = drawn_scores(300, seed, useful=False)
        moved += not thresholds.recalibrate(scores, true, np.ones(300), RULE).reason
    assert moved <= 4


def test_too_few_answers_propose_nothing():
    scores, true = drawn_scores(30, 1, useful=True)
    assert thresholds.recalibrate(scores, true, np.ones(30), RULE).reason == "few"


EXTRA = """
[[thresholds]]
rule = "met_case"
value = 0.5

[[recipients]]
name = "wuhan"
who = { zh = "武汉市", en = "Wuhan" }
receives = ["verified", "rules", "own"]
county = "420100"
purpose = "screening"
formats = ["csv", "parquet", "xlsx"]
due = 20:00:00

[[recipients]]
name = "health"
who = { zh = "卫健委", en = "Health" }
receives = ["errors"]
department = "health"
due = 09:00:00
every = "week"
weekday = 0
"""


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A study in which 60 contacts were pushed and answered: those with a high score are true."""
    folder = tmp_path_factory.mktemp("feedback")
    with pytest.MonkeyPatch.context() as patch:
        study, ring = drawn.make(patch, folder)
        with (study.folder / "study.toml").open("a", encoding="utf-8") as stream:
            stream.write(EXTRA)
        from analytics import study as studies

        study = studies.load("hubei-2020")
        push.push(study, drawn.findings(ring, range(60)), ring, drawn.START)
        high = set(ledger.query("select line from pushes where score >= 0.75",
                                pushes=ledger.known(study, drawn.hours(1))[0])
                   ["line"].to_pylist())  # fmt: skip
        for name in worklists.summary(study, drawn.hours(1))["list"].to_pylist():
            (listed,) = worklists.export(study, [name], ring, drawn.hours(1), folder / "out",
                                      password=drawn.PASSWORD)  # fmt: skip
            filled = drawn.fill(listed.path, lambda line: {
                "verdict_1": "属实" if line["line"] in high else "不属实",
                "verified": "2020-02-10"}, into=folder / "back.xlsx")  # fmt: skip
            drawn.receive(study, filled, ring, drawn.hours(8), password=drawn.PASSWORD)
        push.push(study, drawn.records(3), ring, drawn.hours(9))
        shutil.copytree(study.state, folder / "kept")
    return folder, study, ring


@pytest.fixture
def known(answered, monkeypatch):
    folder, study, ring = answered
    for name, place in (("ROOT", "root"), ("HOME", "home"), ("KEYS", "keys")):
        monkeypatch.setenv(f"WORKBENCH_{name}", str(folder / place))
    monkeypatch.setenv("WORKBENCH_STUDY", "hubei-2020")
    shutil.rmtree(study.state)
    shutil.copytree(folder / "kept", study.state, dirs_exist_ok=True)
    return study, ring, folder


def test_a_change_waits_for_a_person_and_is_chained(known):
    study, _, _ = known
    said = feedback.outcomes(*ledger.known(study, drawn.hours(20)))
    (one,) = thresholds.proposals(study, said)
    assert (one.reason, one.answers, one.current) == ("", 60, 0.5)
    assert thresholds.value(study, "met_case", 0) == 0.5
    with pytest.raises(ParameterError):
        thresholds.approve(study, said, "met_case", one.proposed + 0.01, drawn.hours(20))
    with pytest.raises(ParameterError):
        thresholds.approve(study, said, "no_rule", one.proposed, drawn.hours(20))
    entry = thresholds.approve(study, said, "met_case", one.proposed, drawn.hours(20), actor="li")
    assert (entry["actor"], entry["to"]) == ("li", one.proposed)
    assert thresholds.value(study, "met_case", 0) == one.proposed
    log = study.state / "loop" / "changes.jsonl"
    log.write_text(log.read_text().replace('"actor": "li"', '"actor": "wu"'))
    with pytest.raises(AuditError):
        thresholds.in_force(study)


def test_overdue_work_goes_up_after_a_day(known):
    study, _, _ = known
    standing = ledger.rows(study, drawn.hours(20))
    assert feedback.overdue(study, standing, drawn.hours(20)).empty
    late = feedback.overdue(study, standing, drawn.hours(24 * 3))
    assert late["rows"].sum() == 3
    assert set(late["who_en"]) == {"Records office"}
    assert set(late["escalates_en"]) == {""}


def test_each_recipient_gets_what_it_is_entitled_to_signed(known, tmp_path):
    study, ring, _ = known
    early = sharing.share(study, ring, drawn.hours(4), tmp_path)
    assert early == [sharing.Shared("health", tmp_path / "health" / "2020-02-10",
                                    {"errors.csv": 0})]  # fmt: skip
    assert sharing.overdue(study, drawn.hours(13), tmp_path) == [
        ("wuhan", drawn.hours(12)),
    ]
    done = {s.recipient: s for s in sharing.share(study, ring, drawn.hours(13), tmp_path)}
    folder = done["wuhan"].folder
    key = sharing.public_key(ring)
    manifest = sharing.check(folder, key)
    assert set(manifest["files"]) == {
        *(f"{name}.{form}" for name in ("verified", "rules", "own")
          for form in ("csv", "parquet", "xlsx")), "dictionary.json",
    }  # fmt: skip
    own = pq.read_table(folder / "own.parquet").to_pandas()
    assert len(own) == 40
    assert own["person"].is_unique
    book = openpyxl.load_workbook(folder / "own.xlsx")
    assert book["results"].max_row == 41
    counts = pd.read_csv(folder / "verified.csv", dtype={"county": str})
    assert set(counts["county"]) <= {"420100", "420102", "420103"}
    small = counts["questions"].dropna()
    assert ((small == 0) | (small >= 10)).all()
    columns = {e["column"] for e in json.loads((folder / "dictionary.json").read_text())["own"]}
    assert columns == set(own.columns)
    (folder / "own.csv").write_bytes((folder / "own.csv").read_bytes() + b"x")
    (folder / "more.csv").write_text("x")
    with pytest.raises(VerificationError) as caught:
        sharing.check(folder, key)
    assert caught.value.breaches == ("more.csv: is not listed", "own.csv: was changed")
    with pytest.raises(VerificationError):
        sharing.check(folder, sharing.public_key(ring)[:-4] + "AAA=")


def test_pseudonyms_of_two_recipients_do_not_meet(known, tmp_path):
    study, ring, _ = known
    (wuhan,) = sharing.share(study, ring, drawn.hours(13), tmp_path, only="wuhan")
    own = set(pq.read_table(wuhan.folder / "own.parquet")["person"].to_pylist())
    lines = set(ledger.rows(study, drawn.hours(13))["line"].to_pylist())
    assert not own & lines
    with pytest.raises(ParameterError):
        sharing.share(study, ring, drawn.hours(13), tmp_path, only="nobody")


def seal_screening(study, ring, persons, graph=()):
    schema = pa.schema([
        ("person", pa.string()), ("kind", pa.string()), ("generation", pa.int8()),
        ("holds", pa.bool_()), ("weight", pa.float64()),
    ])  # fmt: skip
    day = date(2020, 2, 9)
    edges = pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in graph], schema
    )
    groups = pa.schema([
        *((name, pa.string()) for name in ("cluster", "setting", "county", "status")),
        ("cases", pa.int64()), ("first_onset", pa.date32()), ("latest_onset", pa.date32()),
    ])  # fmt: skip
    members = pa.schema([("cluster", pa.string()), ("person", pa.string()), ("order", pa.int64())])
    none = (("clusters", groups.empty_table()), ("members", members.empty_table()))
    for name, table in (("persons", persons), ("graph", edges), *none):
        vault.seal_table(study.state / "vault", table, f"screening/{day}/{name}", day, ring)


def test_who_only_sat_far_from_a_case_is_visited_by_an_approved_threshold(known):
    """Two seats at 0.1 and 0.2 make 0.28; a household leaves nothing to a score."""
    study, ring, _ = known
    near, far, home = (drawn.subject(ring, n) for n in range(3))
    persons = pa.table({
        "person": [near, far, home], "category": ["close_contact"] * 3, "county": ["420102"] * 3,
        "rule": ["contact"] * 3,
    })  # fmt: skip
    seal_screening(study, ring, persons, [
        (near, "travel", 1, True, 0.1), (near, "travel", 1, True, 0.2),
        (far, "travel", 1, True, 0.01), (home, "travel", 1, True, 0.01),
        (home, "household", 1, True, None),
    ])  # fmt: skip
    every = findings.screened(study, ring, drawn.hours(1))
    scores = {row["subject"]: (row["rule"], row["score"]) for row in every.findings.to_pylist()}
    assert scores == {
        near: (findings.SHARED_JOURNEY, pytest.approx(0.28)),
        far: (findings.SHARED_JOURNEY, pytest.approx(0.01)),
        home: ("contact", None),
    }
    one = Threshold(rule=findings.SHARED_JOURNEY, value=0.05)
    stricter = study.model_copy(update={"thresholds": (one,)})
    some = findings.screened(stricter, ring, drawn.hours(1))
    assert set(some.findings["subject"].to_pylist()) == {near, home}
    assert some.frame.select(["subject", "asks", "score"]).to_pylist() == [
        {"subject": far, "asks": "contact", "score": pytest.approx(0.01)}
    ]


def test_the_first_case_of_a_cluster_is_asked_about_until_the_field_has_answered(known):
    study, ring, _ = known
    first, second, third = (drawn.subject(ring, n) for n in range(3))
    groups = pa.table({
        "cluster": ["h/one", "h/two", "w/one"], "setting": ["household", "household", "workplace"],
        "county": ["420102", "420102", None], "cases": [3, 3, 2],
        "first_onset": [date(2020, 2, 1)] * 3, "latest_onset": [date(2020, 2, 9)] * 3,
        "status": ["found", "found", "refuted"],
    })  # fmt: skip
    members = pa.table({
        "cluster": ["h/one", "h/one", "h/two", "w/one"], "person": [first, second, first, third],
        "order": [1, 2, 1, 1],
    })  # fmt: skip
    [asked] = findings.clusters(groups, members, study.region).to_pylist()
    assert (asked["subject"], asked["asks"], asked["rule"], asked["county"]) == (
        first, "clustered", "cluster.household", "420102",
    )  # fmt: skip
    assert asked["reason_en"] == "the first of 3 cases in one household, 2020-02-01 to 2020-02-09"
    assert asked["reason_zh"] == "同一家庭内2020-02-01至2020-02-09有3例，最早一例"


def test_answers_about_clusters_that_contradict_each_other_decide_nothing():
    said = outcomes([
        {"asks": "clustered", "subject": who, "status": status}
        for who, status in [("a", "confirmed"), ("b", "refuted"), ("c", "confirmed"),
                            ("c", "refuted"), ("d", "outstanding")]
    ])  # fmt: skip
    assert feedback.decided_clusters(said).to_pylist() == [
        {"person": "a", "sure": True},
        {"person": "b", "sure": False},
    ]


def test_a_wrong_code_speaks_against_its_rule_and_for_one_that_should_have():
    """Two codes a rule gave, of which one is wrong; one drawn at random, which is wrong too."""
    asked = [("a", False, "confirmed"), ("b", False, "refuted"), ("c", True, "confirmed")]
    pushes = pa.Table.from_pylist([
        {"row": row, "question": row, "row_version": 1, "asks": "code_wrong", "sampled": sampled,
         "rule": "random_check" if sampled else "health_code.fever", "duty": "health_code"}
        for row, sampled, _ in asked
    ], ledger.empty("pushes").schema)  # fmt: skip
    answers = pa.Table.from_pylist([
        {"answer": row, "row": row, "question": row, "row_version": 1, "latest_version": 1,
         "verdict": verdict} for row, _, verdict in asked
    ], ledger.empty("verifications").schema)  # fmt: skip
    said = feedback.outcomes(pushes, answers)
    assert said["upheld"].to_pylist() == [False, True, True]
    assert feedback.precision(said, ["rule"])["precision"].tolist() == [0.5]


def test_screening_becomes_findings_and_nobody_without_county_is_lost(known):
    study, ring, _ = known
    screened = pa.table({
        "person": [drawn.subject(ring, n) for n in range(4)],
        "category": ["confirmed", "close_contact", "fever", "none"],
        "county": ["420102", None, "421083", "420102"], "rule": ["r"] * 4,
    })  # fmt: skip
    found = findings.screening(screened, study.region).to_pylist()
    said = {(row["county"], row["asks"], row["priority"]) for row in found}
    assert said == {("420102", "infected", 5), ("420000", "contact", 3), ("421083", "infected", 3)}
    seal_screening(study, ring, screened)
    asked = findings.screened(study, ring, drawn.hours(1))
    assert asked.findings.num_rows == 3
    assert asked.frame["subject"].to_pylist() == [drawn.subject(ring, 3)]
    assert findings.screened(study, ring, drawn.hours(-48)).findings.num_rows == 0
    with pytest.raises(ContractError):
        findings.screening(screened.drop_columns(["county"]), study.region)


def run(*arguments: str, words: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, input=words)
    if isinstance(result.exception, WorkbenchError):
        return result.exception.exit_code, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_loop_by_command(known, tmp_path):
    study, ring, _ = known
    (study.state / "findings").mkdir()
    pq.write_table(findings.together([findings.handed_over(study), drawn.findings(
        ring, range(5), asks="infected", rule="fever")]),
        study.state / "findings" / "fever.parquet")  # fmt: skip
    at = "2020-02-12T09:00"
    code, said = run("push", "--at", at)
    assert (code, "5 findings: 5 rows pushed to 5 lists" in said) == (0, True)
    code, said = run("worklists", "list", "--at", at, "--team", "community")
    assert (code, said.count("community")) == (0, 6)
    secret = tmp_path / "password"
    secret.write_text(drawn.PASSWORD + "\n")
    secret.chmod(0o644)
    name = "420102.community.1"
    ask = ("worklists", "export", name, "--at", at, "--output", str(tmp_path / "out"))
    assert run(*ask, "--password-file", str(secret))[0] == 20
    secret.chmod(0o600)
    code, said = run(*ask, "--password-file", str(secret))
    assert (code, f"{name}.v2.xlsx" in said) == (0, True)
    words = {"verdict_1": "wrong", "verified": "2020-02-12"}
    filled = drawn.fill(tmp_path / "out" / f"{name}.v2.xlsx", lambda _: words)
    code, said = run("receive", str(filled), "--at", "2020-02-12T18:00", words=drawn.PASSWORD)
    assert (code, "the verdict is none of the four words (1 rows: 2)" in said) == (25, True)
    code, said = run("feedback", "show", "--at", "2020-02-13", "--by", "rule,county")
    assert (code, "met_case" in said, "feedback approve met_case" in said) == (0, True, True)
    value = said.rsplit("--to ", 1)[1].split("`")[0]
    code, said = run("feedback", "approve", "met_case", "--to", value, "--at", "2020-02-13")
    assert (code, f"→ {value}" in said) == (0, True)
    assert run("feedback", "show", "--by", "colour")[0] == 12
    code, said = run("share", "--at", "2020-02-13", "--output", str(tmp_path / "shared"))
    assert (code, "wuhan" in said, "public key" in said) == (0, True, True)
