"""Each purpose sees its own columns under its own pseudonyms; refusals are logged."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from analytics.codes import Purpose
from analytics.errors import PurposeError
from analytics.privacy import audit, keys, purposes
from analytics.privacy.purposes import Reader
from analytics.tables import RESIDENT_REGISTER, Column, read

ALL = frozenset(Purpose)
EVERYONE = {"tester": ALL}


def column(name: str, kind: str, archived: str, seen: frozenset[Purpose] = ALL) -> Column:
    plain = read(RESIDENT_REGISTER)["address"]
    return replace(plain, name=name, kind=kind, archived=archived, purposes=seen)  # type: ignore[arg-type]


CONTRACT = (
    column("document", "document", "clear"),
    column("id_number", "id_number", "pseudonym"),
    column("phone", "phone", "pseudonym", frozenset({Purpose.SCREENING})),
    column("name", "name", "withheld"),
    column("county", "region", "clear"),
    column("onset", "date", "clear", frozenset({Purpose.SCREENING, Purpose.STATISTICS})),
)
IDS = [f"420102{1950 + number}0101{number:03d}0" for number in range(40)]
CASES = pa.table({
    "name": ["王小明"] * 40,
    "onset": ["2020-02-01"] * 40,
    "id_number": IDS,
    "phone": [f"138000000{number:02d}" for number in range(40)],
    "county": ["420102"] * 40,
    "stray": ["x"] * 40,
})  # fmt: skip


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keys.Ring:
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    return keys.create("wuhan")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def entries(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def view(purpose: Purpose, ring: keys.Ring, log: Path, table: object = CASES) -> pa.Table:
    return purposes.project(
        table, "cases", CONTRACT, Reader("tester", purpose), ring, log, roles=EVERYONE
    )


def test_a_purpose_sees_its_columns_only(ring, log):
    seen = {purpose: view(purpose, ring, log).column_names for purpose in Purpose}
    assert seen == {
        Purpose.SCREENING: ["id_number", "phone", "county", "onset"],
        Purpose.TRAVEL: ["id_number", "county"],
        Purpose.HEALTH_CODE: ["id_number", "county"],
        Purpose.RESETTLEMENT: ["id_number", "county"],
        Purpose.STATISTICS: ["id_number", "county", "onset"],
    }


def test_no_two_purposes_share_a_pseudonym_and_within_one_they_join(ring, log):
    keyed = {p: set(view(p, ring, log)["id_number"].to_pylist()) for p in Purpose}
    assert all(len(values) == 40 for values in keyed.values())
    for one, other in itertools.combinations(Purpose, 2):
        assert keyed[one] & keyed[other] == set()
    again = view(Purpose.TRAVEL, ring, log, CASES.slice(0, 10))["id_number"].to_pylist()
    assert set(again) < keyed[Purpose.TRAVEL]


def test_rows_of_two_purposes_cannot_be_laid_side_by_side(ring, log):
    marked = CASES.set_column(4, "county", pa.array([str(number) for number in range(40)]))
    orders = [view(p, ring, log, marked)["county"].to_pylist() for p in Purpose]
    assert len({tuple(order) for order in [*orders, [str(n) for n in range(40)]]}) == 6


def test_no_direct_identifier_is_left(ring, log):
    for purpose in Purpose:
        text = str(view(purpose, ring, log).to_pydict())
        assert "王小明" not in text
        assert not [value for value in (*IDS, "13800000007") if value in text]


def test_duckdb_relations_and_streams_are_read(ring, log):
    cases = CASES  # noqa: F841 - named in the query
    relation = duckdb.sql("from cases")
    assert view(Purpose.TRAVEL, ring, log, relation) == view(Purpose.TRAVEL, ring, log)
    assert view(Purpose.TRAVEL, ring, log, CASES.to_reader(7)) == view(Purpose.TRAVEL, ring, log)


def test_view_names_its_purpose_and_generation(ring, log):
    assert view(Purpose.TRAVEL, ring, log).schema.metadata == {
        b"purpose": b"travel",
        b"generation": ring.fingerprint.encode(),
    }


def test_what_was_read_is_logged(ring, log):
    view(Purpose.TRAVEL, ring, log)
    assert [(e["action"], e["object"], e["purpose"], e["counts"]) for e in entries(log)] == [
        ("read", "cases", "travel", {"rows": 40, "columns": 2})
    ]


def test_unwanted_columns_are_refused_all_at_once_and_logged(ring, log):
    with pytest.raises(PurposeError) as caught:
        purposes.project(CASES, "cases", CONTRACT, Reader("tester", Purpose.TRAVEL), ring, log,
                         wanted=["county", "onset", "name", "stray"], roles=EVERYONE)  # fmt: skip
    assert caught.value.breaches == (
        "onset: is not for travel",
        "name: is withheld; it stays in the vault",
        "stray: no contract names this column",
    )
    assert [(e["action"], e["counts"]) for e in entries(log)] == [("refuse", {"reasons": 3})]
    assert audit.verify(log).head.entries == 1


@pytest.mark.parametrize(
    ("role", "purpose", "reason"),
    [
        ("statistician", Purpose.SCREENING, "a statistician may not read for screening"),
        ("statistican", Purpose.STATISTICS, "did you mean 'statistician'?"),
        ("王小明", Purpose.STATISTICS, "no such role"),
    ],
)
def test_roles_ask_for_their_purposes_only(ring, log, role, purpose, reason):
    with pytest.raises(PurposeError) as caught:
        purposes.project(CASES, "cases", CONTRACT, Reader(role, purpose), ring, log)
    assert reason in str(caught.value)
    assert "王小明" not in log.read_text()
    assert entries(log)[0]["action"] == "refuse"


def test_a_purpose_without_columns_is_refused(ring, log):
    contract = [column("id_number", "id_number", "pseudonym", frozenset({Purpose.SCREENING}))]
    with pytest.raises(PurposeError, match="travel may see no column"):
        purposes.project(CASES, "cases", contract, Reader("tester", Purpose.TRAVEL), ring, log,
                         roles=EVERYONE)  # fmt: skip


def test_a_declared_document_decides_but_is_shown_only_if_wanted(ring, log):
    table = pa.table({"document": ["passport", None], "id_number": ["123456789"] * 2})
    found = purposes.project(table, "cases", CONTRACT, Reader("tester", Purpose.TRAVEL), ring, log,
                             wanted=["id_number"], roles=EVERYONE)  # fmt: skip
    assert found.column_names == ["id_number"]
    assert len(set(found["id_number"].to_pylist())) == 2


def test_every_feed_of_the_house_gives_each_purpose_a_view_or_a_refusal(ring, log):
    from analytics.tables import FEEDS

    for feed in map(read, FEEDS):
        table = pa.table({c.name: pa.nulls(2, pa.string()) for c in feed.columns})
        for purpose in Purpose:
            reader = Reader("tester", purpose)
            allowed = [c.name for c in feed.columns
                       if purpose in c.purposes and c.archived != "withheld"]  # fmt: skip
            if not allowed:
                with pytest.raises(PurposeError):
                    purposes.project(table, feed.feed, feed.columns, reader, ring, log,
                                     roles=EVERYONE)  # fmt: skip
                continue
            found = purposes.project(
                table, feed.feed, feed.columns, reader, ring, log, roles=EVERYONE
            )
            assert found.column_names == allowed
    assert audit.verify(log).head.entries == len(FEEDS) * len(Purpose)
