"""Laws of the loop: nobody is lost, nobody is asked twice, and the order of files is nothing."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import loop_study as drawn

from analytics.loop import ledger, push, seals, sheets, worklists

QUICK = settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = ("confirmed", "属实", "refuted", "unreachable", "moved", "maybe", "", "delete")
PUSHED = 9


@contextmanager
def a_study(**more: int):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        study, ring = drawn.make(patch, Path(folder), people=30, **more)
        yield study, ring, Path(folder)


@pytest.fixture(scope="module")
def exported():
    """A study with rows pushed and lists exported; each example works on a copy of its state."""
    with a_study() as (study, ring, folder):
        push.push(study, drawn.records(PUSHED), ring, drawn.START)
        lists = [
            listed.path
            for listed in worklists.export(
                study,
                worklists.summary(study, drawn.hours(1))["list"].to_pylist(),
                ring,
                drawn.hours(1),
                folder / "out",
                form="csv",
            )
        ]
        shutil.copytree(study.state, folder / "kept")
        yield study, ring, folder, lists


def fresh(study, folder: Path) -> None:
    shutil.rmtree(study.state)
    shutil.copytree(folder / "kept", study.state, dirs_exist_ok=True)


def answer_of(word: str, line: dict[str, str]) -> object:
    if word == "delete":
        return "delete"
    moved = {"moved_to": drawn.COUNTIES[0]} if word == "moved" else {}
    return line | {"verdict_1": word, "verified": "2020-02-11" if word else ""} | moved


def returned(folder: Path, lists: list[Path], words: list[list[str]]) -> list[Path]:
    """Lists filled in several times over."""
    files = []
    for turn, said in enumerate(words):
        words_of = itertools.cycle(said)
        files.append(drawn.fill_csv(
            lists[turn % len(lists)], lambda line, w=words_of: answer_of(next(w), line),
            folder / f"back-{turn}.csv",
        ))  # fmt: skip
    return files


def state(study, hours: float) -> list[dict[str, object]]:
    standing = ledger.rows(study, drawn.hours(hours))
    return standing.select(["row", "status", "moved_to", "verified"]).to_pylist()


FILES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), min_size=2, max_size=5)


@QUICK
@given(words=FILES, order=st.randoms(use_true_random=False))
def test_no_row_is_lost_whatever_comes_back_in_whatever_order_and_how_often(exported, words, order):
    study, ring, folder, lists = exported
    fresh(study, folder)
    files = returned(folder, lists, words)
    for path in files:
        done = drawn.receive(study, path, ring, drawn.hours(30))
        balance = done.balance
        assert balance["pushed"] == PUSHED
        assert balance["verified"] + balance["outstanding"] + balance["returned"] == PUSHED
        aside = len({row for row, _, _ in done.aside})
        assert done.answers + done.repeated + done.empty + aside == done.lines
    forward = state(study, 50)
    assert len(forward) == PUSHED
    fresh(study, folder)
    order.shuffle(files)
    for path in files:
        drawn.receive(study, path, ring, drawn.hours(30))
    assert state(study, 50) == forward
    assert drawn.receive(study, files[0], ring, drawn.hours(40)).answers == 0
    assert state(study, 50) == forward


def test_a_deleted_row_stays_outstanding(exported):
    study, ring, folder, lists = exported
    fresh(study, folder)
    (path,) = returned(folder, lists[:1], [["delete", "confirmed", "confirmed"]])
    balance = drawn.receive(study, path, ring, drawn.hours(30)).balance
    assert balance == {"pushed": 9, "verified": 2, "outstanding": 7, "returned": 0}


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),  # question
        st.integers(1, 2),  # version answered
        st.integers(0, 1),  # versions above it that were out
        st.sampled_from(["confirmed", "refuted", "unreachable", "moved"]),
        st.sampled_from(drawn.COUNTIES),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(answers=ANSWERS, order=st.randoms(use_true_random=False))
def test_where_a_row_stands_does_not_depend_on_the_order_of_answers(answers, order):
    """Agreeing answers decide, contradicting ones are for adjudication, never the last one."""
    pushes = pushed_rows()
    again = [*answers, *answers]
    order.shuffle(again)
    first, second = (ledger.standing(pushes, answered_rows(said)) for said in (answers, again))
    assert first.equals(second)
    balance = ledger.balance(first)
    assert balance["pushed"] == 6
    assert balance["verified"] + balance["outstanding"] + balance["returned"] == 6
    for row in first.to_pylist():
        said = {
            verdict for question, version, above, verdict, _ in answers
            if f"{question}.{version}" == row["row"] and not above
        }  # fmt: skip
        if {"confirmed", "refuted"} <= said:
            assert row["status"] == "adjudication"
        if row["status"] in {"confirmed", "refuted"}:
            assert said & {"confirmed", "refuted"} == {row["status"]}


def pushed_rows() -> pa.Table:
    rows = []
    for question, version in itertools.product("abc", (1, 2)):
        rows.append({
            "row": f"{question}.{version}", "rule": "r", "rule_version": "1",
            "question": question, "row_version": version, "list": "420102.community.1",
            "list_version": version, "team": "community", "county": "420102", "line": question,
            "duty": "d", "purpose": "screening", "subject": question, "subject_kind": "person",
            "asks": "contact", "reason_zh": "", "reason_en": "", "check_zh": "", "check_en": "",
            "priority": 1, "pushed": drawn.START.replace(tzinfo=None),
            "due": drawn.hours(9).replace(tzinfo=None), "sampled": False, "inclusion": 1.0,
        })  # fmt: skip
    return pa.Table.from_pylist(rows, schema=ledger.empty("pushes").schema)


def answered_rows(answers) -> pa.Table:
    rows = [
        {
            "answer": "|".join(map(str, said)), "row": f"{said[0]}.{said[1]}",
            "question": said[0], "row_version": said[1], "list": "l", "team": "t",
            "county": "420102", "verdict": said[3],
            "moved_to": said[4] if said[3] == "moved" else None,
            "verified": drawn.START.date(), "evidence": None, "remarked": False,
            "latest_version": said[1] + said[2],
        }
        for said in answers
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=ledger.empty("verifications").schema)


@QUICK
@given(
    pushes=st.lists(st.lists(st.integers(0, 29), max_size=12), min_size=1, max_size=3),
    shuffled=st.randoms(use_true_random=False),
)
def test_nobody_is_pushed_twice_for_one_question(pushes, shuffled):
    with a_study() as (study, ring, _):
        asked: set[int] = set()
        for turn, people in enumerate(pushes):
            found = drawn.findings(ring, people)
            order = list(range(found.num_rows))
            shuffled.shuffle(order)
            done = push.push(study, found.take(pa.array(order, pa.int64())), ring,
                             drawn.hours(turn))  # fmt: skip
            assert done.rows == len(set(people) - asked)
            asked |= set(people)
        standing = ledger.rows(study, drawn.hours(10))
        assert standing.num_rows == len(asked) == len(set(standing["question"].to_pylist()))


@QUICK
@given(people=st.lists(st.integers(0, 29), unique=True), capacity=st.integers(1, 9))
def test_work_is_balanced_and_capped_and_what_waits_comes_next(people, capacity):
    with a_study(capacity=capacity) as (study, ring, _):
        done = push.push(study, drawn.findings(ring, people), ring, drawn.START)
        loads: dict[tuple[str, str], list[int]] = {}
        for one in worklists.summary(study, drawn.hours(1)).to_pylist():
            loads.setdefault((one["county"], one["team"]), []).append(one["lines"])
        for held in loads.values():
            both = [*held, 0] if len(held) == 1 else held
            assert max(both) - min(both) <= 1
            assert max(held) <= capacity
        assert done.rows + done.waiting == len(people)


def test_one_person_has_one_line_and_one_team_across_duties():
    with a_study() as (study, ring, _):
        push.push(study, drawn.findings(ring, range(20)), ring, drawn.START)
        push.push(study, drawn.findings(ring, range(10, 30), duty="stranded", asks="stranded",
                                        purpose="resettlement"), ring, drawn.hours(1))  # fmt: skip
        standing = ledger.rows(study, drawn.hours(2)).to_pylist()
        lists: dict[str, set[str]] = {}
        for row in standing:
            lists.setdefault(row["line"], set()).add(row["list"])
        assert len(standing) == 40
        assert len(lists) == 30
        assert all(len(found) == 1 for found in lists.values())


NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["=1+1", "+86", "-2", "@A1", "'x", "''=1", "_x0041_", "_x005F_x0041_", "a\r\nb", "\t=1", "0012"]
)


@settings(max_examples=15, deadline=None)
@given(values=st.lists(NASTY, min_size=1, max_size=6), form=st.sampled_from([".csv", ".xlsx"]))
def test_any_text_comes_back_as_it_was_sent(values, form):
    from datetime import date

    sent = [seals.plain(value) for value in values]
    lines = [
        (str(n), value, "l", "1", f"x{n}", f"q.{n}", "a", "m") for n, value in enumerate(sent, 1)
    ]
    sheet = sheets.Sheet("t", ("place", "reason", *sheets.LOCKED_END), lines, 1,
                         date(2020, 1, 1), date(2020, 3, 1), ("420102 江岸区",))  # fmt: skip
    content = sheets.write_csv(sheet) if form == ".csv" else sheets.write_xlsx(sheet)
    back = sheets.read(content, form)
    assert [line["reason"] for line in back] == sent
    assert {line["verdict_1"] for line in back} == {""}
