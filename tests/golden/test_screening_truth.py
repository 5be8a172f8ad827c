"""Screening of the simulated province, its people linked without error, beside the truth."""

from __future__ import annotations

from datetime import date

import ibis
import numpy as np
import pyarrow as pa
import pytest
from tests.drawn import KINDS

from analytics import engine, study, tables
from analytics.analysis import screening
from analytics.simulation import feeds, world

STUDY = "hubei-2020-simulated"
FIRST, LAST = date(2020, 1, 23), date(2020, 2, 22)
READ = ("cases", "fever_visits", "tests", "contacts", "quarantine", "declarations",
        "community_registration", "resident_register", "placements", "tickets")  # fmt: skip


def known(rows: world.Rows) -> ibis.Table:
    """Latest version of each row, typed as the archive types it, with who it is about."""
    contract = tables.contract(rows.feed)
    table = rows.table.append_column("at", pa.array(np.arange(rows.table.num_rows)))
    latest = table.group_by(list(contract.key)).aggregate([("at", "max")])["at_max"]
    columns = {"person": pa.array([f"p{n}" if n >= 0 else None for n in rows.person])}
    for column in contract.columns:
        if column.archived == "clear" and column.name in rows.table.column_names:
            kind = KINDS.get(column.kind, (pa.string(), str))[0]
            columns[column.name] = rows.table[column.name].combine_chunks().cast(kind)
    return ibis.memtable(pa.table(columns).take(latest))


@pytest.mark.slow
def test_screening_finds_the_reported_and_their_contacts():
    made = world.make(study.load(STUDY), 10_000, 3, FIRST, LAST)
    rows = {each.feed: each for each in feeds.every(made) if each.feed in READ}
    linked = {feed: known(each) for feed, each in rows.items()}
    found = screening.screen(linked, screening.load(), LAST)
    told = engine.rows(found.persons, engine.connect()).to_pylist()
    category = {row["person"]: row["category"] for row in told}
    truth = made.epidemic.infections
    ill = {f"p{n}" for n in truth.person}
    reported = {f"p{n}" for n, day in zip(truth.person, truth.reported, strict=True)
                if day <= made.last}  # fmt: skip
    managed = {who for who, what in category.items() if what in {
        "confirmed", "suspected", "dead", "recovered", "asymptomatic"}}  # fmt: skip
    caught = {who for who, what in category.items() if what == "confirmed"}
    assert len(ill) > len(reported) > 100
    assert len(reported & managed) >= 0.95 * len(reported)
    assert len(caught & ill) >= 0.99 * len(caught)
