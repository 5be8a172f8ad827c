"""The account of who owed what, and the documents departments get."""

from __future__ import annotations  # noqa: I001

import json
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest

from analytics import study, tables
from analytics.errors import ParameterError, StudyError
from analytics.pool import archive, pooling, requests, templates, time_nodes

from tests import pool_study
from tests.pool_study import Row, content

NODE = study.TimeNode(
    department="health",
    feed="beds",
    due=time(8),
    first=date(2020, 2, 1),
    last=date(2020, 2, 6),
    rows=4,
)


def at(day, hour):
    return datetime(2020, 2, day, hour, tzinfo=study.ZONE)


def came(day, delivered, accepted=4, refused=""):
    return archive.Entry(
        "beds",
        "health",
        date(2020, 2, day),
        "beds.csv",
        f"{day}{delivered}",
        delivered,
        "p",
        accepted,
        1,
        0,
        refused,
    )


def test_on_time_late_missing_refused_waiting_and_corrected():
    chosen = study.load("hubei-2020").model_copy(update={"time_nodes": (NODE,)})
    entries = [
        came(1, at(2, 7)),
        came(2, at(3, 11), accepted=2),
        came(3, at(4, 8)),
        came(3, at(4, 20), accepted=3),
        came(5, at(6, 7), accepted=0, refused="truncated"),
        came(6, at(9, 7)),
    ]
    account = time_nodes.ledger(chosen, entries, at(6, 12))
    seen = list(
        zip(
            account["date"].map(lambda d: d.day),
            account["status"],
            account["superseded"],
            account["refused"],
            strict=True,
        )
    )
    assert seen == [
        (1, "on_time", 0, 0),
        (2, "late", 0, 0),
        (3, "on_time", 1, 0),
        (4, "missing", 0, 0),
        (5, "refused", 0, 1),
    ]
    assert account["late"].tolist()[1] == timedelta(hours=3)
    assert account["completeness"].tolist()[:3] == [1.0, 0.5, 0.75]


def test_a_feed_nobody_delivers_is_refused():
    node = NODE.model_copy(update={"department": "communications"})
    chosen = study.load("hubei-2020").model_copy(update={"time_nodes": (node,)})
    with pytest.raises(StudyError, match="does not deliver 'beds'"):
        time_nodes.ledger(chosen, [], at(6, 12))


@pytest.mark.parametrize("model", tables.FEEDS, ids=lambda m: m.__name__)
def test_contracts_hold_together(model):
    contract = tables.read(model)
    names = [c.name for c in contract.columns]
    assert set(contract.key) <= set(names)
    assert len({c.label for c in contract.columns}) == len(names)
    for key in contract.key:
        assert contract[key].required
        assert contract[key].archived != "withheld"
    for pair in contract.order:
        assert set(pair) <= set(names)
    for column in contract.columns:
        assert (column.identifies == "direct") == (column.archived != "clear")
        assert column.purposes or contract.department in tables.OWN
        assert column.meaning


def test_the_data_dictionary_is_fresh():
    """Mend with `workbench deliveries template --dictionary`."""
    written = (study.root() / "data" / "README.md").read_text(encoding="utf-8")
    assert written == templates.dictionary()


def test_a_filled_template_is_accepted(tmp_path, monkeypatch):
    chosen = pool_study.make(monkeypatch, tmp_path)
    contract = tables.contract("beds")
    folder = chosen.state / "inbox" / "health" / "2020-02-01"
    folder.mkdir(parents=True)
    templates.write_template(contract, folder / "beds.xlsx")
    book = openpyxl.load_workbook(folder / "beds.xlsx")
    for place, value in enumerate(["同济", "2020-02-01", "江岸区", "12"], start=1):
        book.worksheets[0].cell(2, place, value)
    book.save(folder / "beds.xlsx")
    (folder / "beds.xlsx.done").touch()
    assert [(e.accepted, e.quarantined, e.refused) for e in pooling.run(chosen).added] == [
        (1, 0, "")
    ]


def test_table_schema_says_what_the_contract_says():
    said = json.loads(json.dumps(templates.table_schema(tables.contract("cases"))))
    fields = {field["name"]: field for field in said["fields"]}
    assert said["primaryKey"] == ["case_number"]
    assert fields["classification"]["constraints"]["enum"][:2] == ["suspected", "clinical"]
    assert fields["age"]["constraints"] == {"required": False, "minimum": 0, "maximum": 120}
    assert fields["id_number"]["identifies"] == "direct"


def test_requests_need_a_purpose_and_another_persons_approval(tmp_path):
    path = tmp_path / "requests.jsonl"
    until = date(2020, 4, 30)
    with pytest.raises(ParameterError, match="may not see 'onset'"):
        requests.ask(path, "team", "cases", ("onset",), "resettlement", until)
    asked = requests.ask(path, "team", "cases", ("onset", "county"), "statistics", until)
    with pytest.raises(ParameterError, match="cannot approve"):
        requests.approve(path, asked.number, "team")
    requests.approve(path, asked.number, "command")
    assert [r.approved_by for r in requests.register(path)] == ["command"]


def test_receipts_count_reasons(tmp_path, monkeypatch):
    from analytics.pool import deliveries

    chosen = pool_study.make(monkeypatch, tmp_path)
    rows = [Row("A", "2020-01-30", "1"), Row("A", "2020-01-30", "1"), Row("B", "2020-01-30", "x")]
    deliveries.drop(chosen, "beds", date(2020, 2, 1), content(rows), delivered=at(1, 8))
    pooling.run(chosen)
    (receipt,) = deliveries.receipts(chosen)
    assert (
        receipt["rows"],
        receipt["accepted"],
        receipt["duplicates"],
        receipt["quarantined"],
    ) == (3, 1, 1, 1)
    assert receipt["reasons"] == {"beds: not_a_whole_number": 1}
