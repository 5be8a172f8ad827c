"""Returned lists that are forged, shifted, stale, mistyped or not ours: each has its reason."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import openpyxl
import pytest
from tests import loop_study as drawn

from analytics.errors import (
    ContractError,
    KeyringError,
    ParameterError,
    StudyError,
    VerificationError,
)
from analytics.loop import ledger, push, verification, worklists
from analytics.privacy import keys, passwords, vault

PEOPLE = 22  # eleven lines for each of two teams
SOUND = {"verdict_1": "属实 confirmed", "verified": "2020-02-10", "evidence": "上门 visit"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loop")
    with pytest.MonkeyPatch.context() as patch:
        study, ring = drawn.make(patch, folder)
        found = drawn.findings(ring, range(PEOPLE), county="420102")
        push.push(study, found, ring, drawn.START)
        names = worklists.summary(study, drawn.hours(1))["list"].to_pylist()
        lists = worklists.export(
            study, names, ring, drawn.hours(1), folder / "out", password=drawn.PASSWORD
        )
        shutil.copytree(study.state, folder / "kept")
    return folder, study, ring, lists


@pytest.fixture
def a_list(prepared, monkeypatch):
    """Study, keys, folder and exported lists, as they were before anything came back."""
    folder, study, ring, lists = prepared
    monkeypatch.setenv("WORKBENCH_ROOT", str(folder / "root"))
    monkeypatch.setenv("WORKBENCH_HOME", str(folder / "home"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(folder / "keys"))
    shutil.rmtree(study.state)
    shutil.copytree(folder / "kept", study.state, dirs_exist_ok=True)
    return study, ring, folder, lists


def received(a_list, edit, *, answer=None, team: str = "", hours: float = 5, which: int = 0):
    study, ring, folder, lists = a_list
    filled = drawn.fill(lists[which].path, answer or (lambda _: SOUND), edit=edit,
                        into=folder / "back.xlsx")  # fmt: skip
    return drawn.receive(
        study, filled, ring, drawn.hours(hours), password=drawn.PASSWORD, team=team
    )


def reasons(done) -> set[tuple[str, str]]:
    return {(column, reason) for _, column, reason in done.aside}


def write(cell, value: object) -> None:
    """Put text into a cell as typed under the format "text": a formula's sign starts none."""
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"


def put(column: str, value: object, row: int = 2):
    def edit(sheet, columns) -> None:
        write(sheet.cell(row, columns[column]), value)

    return edit


def test_a_sound_list_is_taken_whole(a_list):
    done = received(a_list, None)
    assert (done.aside, done.answers) == ((), done.lines)
    assert done.balance == {"pushed": PEOPLE, "verified": done.lines,
                            "outstanding": PEOPLE - done.lines, "returned": 0}  # fmt: skip


CHANGED = (
    ("reason", "another reason"), ("rows", "0" * 24 + ".1"), ("list_version", "2"),
    ("phone", "15400000099"), ("seal", "0" * 41), ("list", "420102.community.2"), ("name", ""),
    ("due", "2020-03-01 00:00"), ("line", "0" * 32),
)  # fmt: skip


@pytest.mark.fault("forged verdict", "loop", "its line set aside, all others taken")
def test_one_changed_locked_cell_sets_its_line_aside(a_list):
    def edit(sheet, columns) -> None:
        for row, (column, value) in enumerate(CHANGED, start=2):
            write(sheet.cell(row, columns[column]), value)

    done = received(a_list, edit)
    assert list(done.aside) == [(row, "seal", "seal") for row in range(2, 2 + len(CHANGED))]
    assert done.answers == done.lines - len(CHANGED)


@pytest.mark.fault("seals of two verdicts swapped", "loop", "both lines set aside")
def test_seals_of_two_lines_cannot_be_swapped(a_list):
    def swap(sheet, columns) -> None:
        first, second = sheet.cell(2, columns["seal"]), sheet.cell(3, columns["seal"])
        first.value, second.value = second.value, first.value

    assert [row for row, _, _ in received(a_list, swap).aside] == [2, 3]


def test_values_cannot_be_shifted_by_a_line(a_list):
    def shift(sheet, columns) -> None:
        first, second = (sheet.cell(row, columns["phone"]) for row in (2, 3))
        first.value, second.value = second.value, first.value

    assert [row for row, _, _ in received(a_list, shift).aside] == [2, 3]


def test_a_deleted_locked_column_breaks_every_seal(a_list):
    done = received(a_list, lambda sheet, columns: sheet.delete_cols(columns["reason"]))
    assert (done.answers, reasons(done)) == (0, {("seal", "seal")})


def test_a_file_of_another_team_is_set_aside(a_list):
    other = a_list[3][1].list
    done = received(a_list, None, team=other)
    assert (done.answers, reasons(done)) == (0, {("list", "wrong_team")})


@pytest.mark.fault("verdict smuggled in from another team", "loop", "set aside")
def test_a_line_smuggled_in_from_another_team_is_set_aside(a_list):
    lists = a_list[3]
    other = openpyxl.load_workbook(
        io.BytesIO(passwords.unlock(lists[1].path.read_bytes(), drawn.PASSWORD))
    )["核查清单"]
    line = [cell.value for cell in other[2]]

    def smuggle(sheet, columns) -> None:
        last = sheet.max_row + 1
        for place, value in enumerate(line, start=1):
            write(sheet.cell(last, place), value)
        for column, value in SOUND.items():
            sheet.cell(last, columns[column]).value = value

    done = received(a_list, smuggle)
    assert reasons(done) == {("list", "wrong_team")}
    assert done.team == lists[0].list
    assert done.answers == done.lines - 1


@pytest.mark.fault("replayed verdict", "loop", "adds nothing")
def test_a_replay_adds_nothing(a_list):
    first = received(a_list, None)
    again = received(a_list, None, hours=9)
    assert (again.answers, again.repeated) == (0, first.answers)
    assert again.balance == first.balance


def test_a_row_not_pushed_by_then_is_set_aside(a_list):
    done = received(a_list, None, hours=-1)
    assert (done.answers, reasons(done)) == (0, {("rows", "not_pushed")})


FAULTS = (
    ({"verdict_1": "perhaps"}, "verdict_1", "unknown_word"),
    ({"verdict_1": None}, "verdict_1", "verdict_missing"),
    ({"verified": None}, "verified", "date_missing"),
    ({"verified": "soon"}, "verified", "not_a_date"),
    ({"verified": "2020-02-31"}, "verified", "not_a_date"),
    ({"verified": "2020-02-19"}, "verified", "in_the_future"),
    ({"verified": "2020-02-09"}, "verified", "before_push"),
    ({"evidence": "a dream"}, "evidence", "unknown_evidence"),
    ({"verdict_1": "已转出"}, "moved_to", "moved_to_missing"),
    ({"verdict_1": "moved", "moved_to": "999999 nowhere"}, "moved_to", "unknown_county"),
)


def test_each_unknown_word_day_or_place_is_set_aside_with_its_reason(a_list):
    def edit(sheet, columns) -> None:
        for row, (cells, _, _) in enumerate(FAULTS, start=2):
            for column, value in cells.items():
                write(sheet.cell(row, columns[column]), value)

    done = received(a_list, edit)
    expected = [(row, column, reason) for row, (_, column, reason) in enumerate(FAULTS, start=2)]
    assert list(done.aside) == expected
    assert {reason for _, _, reason in FAULTS} < set(verification.REASONS)
    assert done.answers == done.lines - len(FAULTS)


def test_messages_and_lists_of_faults_hold_no_value(a_list):
    study = a_list[0]
    done = received(a_list, put("verdict_1", "某人13800138000"))
    written = [path.read_text() for path in (study.state / "loop" / "aside").glob("*.csv")]
    assert written == ["position,column,reason\n2,verdict_1,unknown_word\n"]
    assert "13800138000" not in str(done)
    assert "13800138000" not in (study.state / "audit.jsonl").read_text()


def test_a_remark_stays_in_the_vault(a_list):
    study = a_list[0]
    received(a_list, put("remark", "=其子电话15499990000"))
    sealed = [name for name in vault.names(study.state / "vault") if "returns" in name]
    assert len(sealed) == 1
    for path in study.state.rglob("*"):
        if path.is_file():
            assert b"15499990000" not in path.read_bytes()
    known = ledger.known(study, drawn.hours(9))[1]
    assert sum(known["remarked"].to_pylist()) == 1


def test_a_contradiction_goes_to_reviewers_and_their_word_counts(a_list):
    study, ring, folder, _ = a_list
    received(a_list, None)
    done = received(a_list, None, answer=lambda _: SOUND | {"verdict_1": "refuted"})
    assert done.balance["returned"] == done.lines
    again = push.push(study, drawn.findings(ring, []), ring, drawn.hours(6))
    assert again.again == again.rows == done.lines
    (review,) = worklists.summary(study, drawn.hours(7), team="review")["list"].to_pylist()
    (listed,) = worklists.export(study, [review], ring, drawn.hours(7), folder / "out",
                              password=drawn.PASSWORD)  # fmt: skip
    filled = drawn.fill(listed.path, lambda _: SOUND, into=folder / "review.xlsx")
    settled = drawn.receive(study, filled, ring, drawn.hours(9), password=drawn.PASSWORD)
    current = [row["status"] for row in ledger.rows(study, drawn.hours(9)).to_pylist()
               if row["current"] and row["row_version"] == 2]  # fmt: skip
    assert current == ["confirmed"] * done.lines
    assert settled.balance["pushed"] == PEOPLE + done.lines


@pytest.mark.fault("stale verdict", "loop", "never wins over a newer one")
def test_a_stale_answer_never_wins(a_list):
    study, ring = a_list[:2]
    received(a_list, None, answer=lambda _: SOUND | {"verdict_1": "moved", "moved_to": "420103"})
    push.push(study, drawn.findings(ring, []), ring, drawn.hours(6))
    done = received(a_list, None, hours=8)
    assert (done.stale, done.answers) == (done.lines, done.lines)
    rows = ledger.rows(study, drawn.hours(9)).to_pylist()
    assert {row["status"] for row in rows if row["row_version"] == 2} == {"adjudication"}
    assert {row["county"] for row in rows if row["row_version"] == 2} == {"420103"}


@pytest.mark.fault(
    "work list under keys rotated away", "loop", "each line set aside as sealed under an old key"
)
def test_lists_under_keys_rotated_away_say_so(a_list, tmp_path, monkeypatch):
    study, ring, _, _ = a_list
    shutil.copytree(ring.folder.parent, tmp_path / "keys")
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    renewed = keys.rotate(keys.load(study.name))
    done = received((study, renewed, *a_list[2:]), None)
    assert (done.answers, reasons(done)) == (0, {("seal", "old_key")})


def test_a_wrong_password_a_damaged_file_and_a_stranger_are_refused(a_list, tmp_path):
    study, ring, _, lists = a_list
    damaged = tmp_path / "damaged.xlsx"
    content = bytearray(lists[0].path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    stranger = tmp_path / "stranger.csv"
    stranger.write_text("a,b\n1,2\n")
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(passwords.unlock(lists[0].path.read_bytes(), drawn.PASSWORD)[:3000])
    other = tmp_path / "list.doc"
    other.write_text("x")
    for path, password in (
        (lists[0].path, "another password"), (damaged, drawn.PASSWORD),
        (stranger, drawn.PASSWORD), (cut, drawn.PASSWORD), (other, drawn.PASSWORD),
    ):  # fmt: skip
        with pytest.raises(VerificationError):
            drawn.receive(study, path, ring, drawn.hours(5), password=password)
    assert ledger.balance(ledger.rows(study, drawn.hours(6)))["outstanding"] == PEOPLE


def test_people_leave_only_under_a_password(a_list, tmp_path):
    study, ring, _, lists = a_list
    with pytest.raises(KeyringError):
        worklists.export(study, [lists[0].list], ring, drawn.hours(1), tmp_path, password="short")
    assert list(tmp_path.iterdir()) == []
    assert lists[0].path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0"
    (sealed,) = worklists.export(study, [lists[0].list], ring, drawn.hours(1), tmp_path, form="csv",
                              password=drawn.PASSWORD)  # fmt: skip
    assert sealed.path.read_bytes().startswith(b"age-encryption.org/")
    filled = drawn.fill_csv(_opened(sealed.path, tmp_path), lambda line: line | SOUND,
                            tmp_path / "back.csv")  # fmt: skip
    assert drawn.receive(study, filled, ring, drawn.hours(5)).answers == lists[0].lines
    with pytest.raises(ParameterError):
        worklists.export(study, ["no.such.list"], ring, drawn.hours(1), tmp_path)


def _opened(path: Path, folder: Path) -> Path:
    plain = folder / "plain.csv"
    plain.write_bytes(passwords.unlock(path.read_bytes(), drawn.PASSWORD))
    return plain


def test_a_team_sees_only_what_its_duty_needs(a_list):
    folder, lists = a_list[2:]
    seen: list[dict[str, object]] = []
    drawn.fill(lists[0].path, lambda line: seen.append(line) or {}, into=folder / "look.xlsx")
    assert {"name", "phone", "address"} <= set(seen[0])
    assert not {"number", "birth", "county"} & set(seen[0])
    streets = [str(line["address"]) for line in seen]
    numbers = [int(street.removeprefix("解放路").removesuffix("号")) for street in streets]
    assert numbers == sorted(numbers)


def test_unsound_findings_push_nothing_and_say_every_fault(a_list):
    study, ring, _, _ = a_list
    found = drawn.findings(ring, range(3))
    wrong = found.set_column(found.column_names.index("asks"), "asks", [["why", "contact", None]])
    wrong = wrong.set_column(wrong.column_names.index("priority"), "priority", [[0, 1, 2]])
    with pytest.raises(ContractError) as caught:
        push.push(study, wrong, ring, drawn.hours(1))
    assert caught.value.breaches == (
        "asks: 1 rows are empty", "asks: 1 rows hold an unknown word",
        "priority: 1 rows lie outside 1 to 9",
    )  # fmt: skip
    with pytest.raises(StudyError, match="make_tea"):
        push.push(study, drawn.findings(ring, [1], duty="make_tea"), ring, drawn.hours(1))
