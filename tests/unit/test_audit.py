"""The audit log keeps what happened, and tells where it was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analytics.codes import Purpose
from analytics.errors import AuditError
from analytics.privacy import audit


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "audit.jsonl"
    for number in range(1, 9):
        audit.record(path, "read", f"health/cases-{number}", role="epidemiologist",
                     purpose=Purpose.SCREENING, counts={"rows": number}, actor="li")  # fmt: skip
    return path


def lines(log: Path) -> list[bytes]:
    return log.read_bytes().splitlines(keepends=True)


def rewritten(line: bytes, **changes: object) -> bytes:
    """An entry changed by somebody who mends its own digest."""
    entry = json.loads(line) | changes
    entry.pop("digest")
    entry["digest"] = audit._digest(entry)
    return audit._canonical(entry) + b"\n"


def test_entries_say_who_what_and_how_many(log):
    entry = json.loads(lines(log)[2])
    said = {key: entry[key] for key in ("actor", "role", "purpose", "action", "object", "counts")}
    assert said == {
        "actor": "li",
        "role": "epidemiologist",
        "purpose": "screening",
        "action": "read",
        "object": "health/cases-3",
        "counts": {"rows": 3},
    }
    assert entry["at"].endswith("+08:00")
    assert log.stat().st_mode & 0o777 == 0o600


def test_an_honest_log_verifies_and_its_head_is_where_it_stands(log):
    found = audit.verify(log, [audit.head(log)])
    assert (found.head, found.torn_bytes) == (audit.head(log), 0)
    assert found.head.entries == 8


def test_no_log_has_no_entries(tmp_path):
    assert audit.verify(tmp_path / "none.jsonl").head == audit.head(tmp_path / "none.jsonl")
    assert audit.head(tmp_path / "none.jsonl").entries == 0


def breaches(log: Path, *anchors: audit.Head) -> list[str]:
    with pytest.raises(AuditError) as caught:
        audit.verify(log, anchors)
    return list(caught.value.breaches)


@pytest.mark.fault("audit log edited", "keys", "refused, the line named")
def test_an_edit_is_located(log):
    whole = lines(log)
    whole[3] = whole[3].replace(b'"rows":4', b'"rows":9')
    log.write_bytes(b"".join(whole))
    assert breaches(log) == ["line 4: is no entry, or was edited"]


def test_an_edit_with_a_mended_digest_is_located(log):
    whole = lines(log)
    whole[3] = rewritten(whole[3], actor="wang")
    log.write_bytes(b"".join(whole))
    assert breaches(log) == ["line 4: was rewritten; line 5 remembers another"]


def test_a_deletion_is_located(log):
    whole = lines(log)
    log.write_bytes(b"".join(whole[:3] + whole[5:]))
    assert breaches(log) == ["before line 4: 2 entries are missing (from number 4)"]


def test_a_deleted_beginning_is_located(log):
    log.write_bytes(b"".join(lines(log)[2:]))
    assert breaches(log) == ["before line 1: 2 entries are missing (from number 1)"]


def test_a_reordering_is_located(log):
    whole = lines(log)
    whole[2], whole[3] = whole[3], whole[2]
    log.write_bytes(b"".join(whole))
    assert breaches(log)[0].startswith("before line 3")
    assert "line 4: entry 3 stands after entry 4" in breaches(log)


def test_a_repetition_is_located(log):
    whole = lines(log)
    log.write_bytes(b"".join(whole[:4] + whole[3:]))
    assert breaches(log) == ["line 5: entry 4 stands after entry 4"]


@pytest.mark.fault("audit log truncated", "keys", "found from a manifest's or noted head")
def test_a_cut_end_is_located_by_an_anchor_only(log):
    anchor = audit.head(log)
    log.write_bytes(b"".join(lines(log)[:5]))
    assert audit.verify(log).head.entries == 5
    assert breaches(log, anchor) == [
        "after line 5: the end was cut; a manifest saw 8 entries, 3 more"
    ]


def test_a_rewritten_tail_is_bracketed_by_anchors(tmp_path):
    log = tmp_path / "audit.jsonl"
    heads = [audit.record(log, "read", f"t{number}", role="clerk") for number in range(6)]
    honest = lines(log)
    log.write_bytes(b"".join(honest[:3]))
    for number in range(3, 6):
        audit.record(log, "read", f"forged{number}", role="clerk")
    assert audit.verify(log).head.entries == 6
    found = breaches(log, heads[1], heads[4], heads[5])
    assert found == ["lines 3-5: rewritten; entry 5 is not the one a manifest saw"]


def test_a_whole_log_put_in_place_is_found(log, tmp_path):
    anchor = audit.head(log)
    other = tmp_path / "other.jsonl"
    for _ in range(8):
        audit.record(other, "read", "x", role="clerk")
    log.write_bytes(other.read_bytes())
    assert breaches(log, anchor) == ["lines 1-8: rewritten; entry 8 is not the one a manifest saw"]


def test_every_change_is_listed(log):
    whole = lines(log)
    whole[1] = b"{}\n"
    whole[5] = rewritten(whole[5], role="other")
    log.write_bytes(b"".join(whole))
    assert [breach.split(":")[0] for breach in breaches(log)] == ["line 2", "line 6"]


def test_a_torn_end_is_told_from_a_change_and_kept_aside(log):
    fragment = lines(log)[0][:37]
    with log.open("ab") as stream:
        stream.write(fragment)
    before = audit.head(log)
    found = audit.verify(log, [before])
    assert (found.head, found.torn_bytes) == (before, 37)
    audit.record(log, "read", "health/cases-9", role="epidemiologist")
    entries = [json.loads(line) for line in lines(log)]
    assert [(entry["action"], entry["counts"]) for entry in entries[8:]] == [
        ("audit.repair", {"bytes": 37}),
        ("read", {}),
    ]
    aside = log.with_name(entries[8]["object"])
    assert aside.read_bytes() == fragment
    assert audit.verify(log, [before]).torn_bytes == 0


def test_a_changed_last_line_is_not_written_after(log):
    whole = lines(log)
    log.write_bytes(b"".join([*whole[:-1], whole[-1].replace(b"read", b"look")]))
    with pytest.raises(AuditError, match="last line"):
        audit.record(log, "read", "x", role="clerk")


def test_a_log_longer_than_a_block_is_continued(tmp_path):
    log = tmp_path / "audit.jsonl"
    counts = {f"count_{'x' * 50}_{number}": number for number in range(200)}
    for _ in range(3):
        audit.record(log, "read", "wide", role="clerk", counts=counts)
    assert audit.verify(log, [audit.head(log)]).head.entries == 3


@pytest.mark.parametrize(
    "object_",
    ["王小明", "cases/420102196503121234", "42010219650312123x", "13812345678", "E12345678",
     "H1234567801", "a b", "a\nb", "", "110105491231002", "tel:+8613812345678", "case13812345678"],
)  # fmt: skip
def test_objects_that_could_name_a_person_are_refused_and_not_repeated(tmp_path, object_):
    with pytest.raises(AuditError) as caught:
        audit.record(tmp_path / "audit.jsonl", "read", object_, role="clerk")
    assert not object_ or object_ not in str(caught.value)
    assert not (tmp_path / "audit.jsonl").exists()


@pytest.mark.parametrize(
    "entry",
    [
        {"action": "Read"},
        {"role": "王"},
        {"actor": "王小明"},
        {"actor": "13812345678"},
        {"counts": {"rows": 13812345678}},
        {"counts": {"rows": -1}},
        {"counts": {"rows": 1.5}},
        {"counts": {"rows": "x"}},
        {"counts": {"rows": True}},
        {"counts": {"王": 1}},
        {"counts": {"a13812345678": 1}},
    ],
)
def test_other_fields_take_no_personal_value(tmp_path, entry):
    said = {"action": "read", "object_": "cases", "role": "clerk"} | entry
    with pytest.raises(AuditError, match="refused"):
        audit.record(tmp_path / "audit.jsonl", **said)


@pytest.mark.parametrize(
    "name", ["health/2020-02-29/cases.csv", "a" * 64, "0123456789abcdef" * 4, "420102", "20200229"]
)
def test_names_of_things_pass(name):
    assert audit.impersonal(name)


def test_anchors_are_found_in_manifests(log, tmp_path):
    first, second = audit.Head(3, "a" * 64), audit.head(log)
    reports = tmp_path / "reports" / "2020-02-29"
    reports.mkdir(parents=True)
    (reports / "manifest.json").write_text(json.dumps({"audit": {"head": str(second)}}))
    (tmp_path / "reports" / "old.json").write_text(json.dumps([str(first), "audit:x:y"]))
    assert audit.anchors(tmp_path / "reports") == (first, second)
