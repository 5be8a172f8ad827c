"""What codes, stranded people and journeys have the field asked, from drawn linked rows."""

from __future__ import annotations

from datetime import date, datetime

import ibis
import pyarrow as pa
import pytest

from analytics import study as studies
from analytics import tables
from analytics.loop import findings, inquiries
from analytics.pool import archive

NOW = datetime(2020, 3, 1, 8, tzinfo=studies.ZONE)


def view(feed, rows):
    """Rows of a feed as the archive types them, with persons."""
    schema = archive.schema(tables.contract(feed))
    typed = pa.schema([*schema, ("person", pa.string())])
    return ibis.memtable(pa.Table.from_pylist(rows, typed))


@pytest.fixture
def asked(monkeypatch):
    """Ask a duty of a study whose linked rows are these."""
    chosen = studies.load("hubei-2020-simulated")

    def ask(duty, **views):  # noqa: ANN003, ANN202
        linked = {feed: view(feed, rows) for feed, rows in views.items()}
        monkeypatch.setattr(inquiries.linked, "holds", lambda *_: True)
        monkeypatch.setattr(inquiries.linked, "read", lambda *_, **__: linked)
        monkeypatch.setattr(
            inquiries.lists, "read", lambda *_: type("Known", (), {"known": linked})
        )
        return inquiries.BY_DUTY[duty](chosen, None, NOW)

    return ask


def journey(person, origin, destination, day, mode="rail"):
    return {"person": person, "origin": origin, "destination": destination, "mode": mode,
            "departure": datetime(2020, 2, day, 9)}  # fmt: skip


def test_travellers_out_of_areas_under_control_are_asked_after_once(asked):
    found = asked("travellers", tickets=[
        journey("out of Wuhan", "420100", "420600", 20),
        journey("out of Wuhan", "420100", "420900", 25),
        journey("too long ago", "420100", "420600", 10),
        journey("from elsewhere", "310000", "420600", 25),
        journey("left the province", "420100", "310000", 25),
        journey(None, "420100", "420600", 25),
    ]).findings.to_pylist()  # fmt: skip
    assert [(one["subject"], one["county"], one["asks"], one["purpose"]) for one in found] == [
        ("out of Wuhan", "420900", "traced", "travel")
    ]
    assert "420100" in found[0]["reason_en"]


def test_codes_are_asked_about_where_others_records_gave_them(asked):
    def declared(person, day, temperature=36.5):  # noqa: ANN202
        return {"person": person, "county": "420106", "temperature": temperature,
                "declared": datetime(2020, 2, day, 8)}  # fmt: skip

    both = asked(
        "health_code",
        declarations=[
            declared("fever", 29, 38.4), declared("well", 29), declared("silent", 12),
            declared("positive", 29),
        ],
        tests=[{"person": "positive", "result": "positive",
                "sampled": datetime(2020, 2, 27, 8), "resulted": datetime(2020, 2, 28, 8)}],
    )  # fmt: skip
    found = both.findings.to_pylist()
    said = {one["subject"]: one for one in found}
    assert set(said) == {"fever", "positive"}
    assert {one["asks"] for one in found} == {"code_wrong"}
    assert said["positive"]["priority"] < said["fever"]["priority"]
    assert said["positive"]["county"] == "420106"
    assert {name: one["score"] for name, one in said.items()} == {"fever": 38.4, "positive": None}
    assert both.frame.select(["subject", "county", "asks", "score"]).to_pylist() == [
        {"subject": "well", "county": "420106", "asks": "code_wrong", "score": 36.5}
    ]


def test_nobody_is_asked_about_where_nobody_was_linked(monkeypatch):
    chosen = studies.load("hubei-2020-simulated")
    monkeypatch.setattr(inquiries.linked, "holds", lambda *_: False)
    for ask in inquiries.BY_DUTY.values():
        found = ask(chosen, None, NOW)
        assert (found.findings.num_rows, found.frame.num_rows) == (0, 0)


def test_people_without_a_bed_are_asked_what_they_need(asked):
    def registered(person, lodging):  # noqa: ANN202
        return {"person": person, "registered": date(2020, 2, 20), "county": "420106",
                "registration_number": f"R {person}",
                "direction": "inside", "group": "tourist", "lodging": lodging,
                "since": date(2020, 1, 23)}  # fmt: skip

    found = asked("stranded", stranded=[
        registered("outside", "street"), registered("at friends", "relatives"),
    ]).findings.to_pylist()  # fmt: skip
    assert [(one["subject"], one["asks"], one["priority"]) for one in found] == [
        ("outside", "needs", 2)
    ]


def test_findings_of_all_keep_the_contract(asked):
    found = asked("travellers", tickets=[journey("a", "420100", "420600", 25)])
    assert findings.together([found.findings]).num_rows == 1
