"""Flows count every trip once, at any level, on tickets and on passes."""

from __future__ import annotations

from datetime import datetime

import ibis
import pyarrow as pa
import pytest

from analytics.analysis import channel

TICKETS = ibis.memtable(
    pa.table(
        {
            "mode": ["rail", "rail", "coach", "ferry"],
            "origin": ["420106", "420106", "420111", "429004"],
            "destination": ["421023", "421023", "421003", "420106"],
            "departure": [datetime(2020, 1, 22, 23, 59)] * 2 + [datetime(2020, 1, 23, 0, 0)] * 2,
        }
    )
)


def rows(table: ibis.Table) -> list[tuple[object, ...]]:
    columns = ["date", "channel", "origin", "destination", "travellers"]
    found = table.select(*columns).to_pyarrow().to_pylist()
    return sorted((str(r["date"]), *(r[c] for c in columns[1:])) for r in found)


def test_tickets_are_counted_by_day_of_departure_and_channel():
    expected = [
        ("2020-01-22", "rail", "420106", "421023", 2),
        ("2020-01-23", "road", "420111", "421003", 1),
        ("2020-01-23", "water", "429004", "420106", 1),
    ]
    assert rows(channel.flows(channel.trips_by_ticket(TICKETS))) == expected


def test_units_directly_under_the_province_are_prefectures_of_their_own():
    expected = [
        ("2020-01-22", "rail", "420100", "421000", 2),
        ("2020-01-23", "road", "420100", "421000", 1),
        ("2020-01-23", "water", "429004", "420100", 1),
    ]
    assert rows(channel.flows(channel.trips_by_ticket(TICKETS), "prefecture")) == expected


@pytest.mark.parametrize("level", ["county", "prefecture", "province"])
def test_travellers_are_conserved(level: channel.Level):
    counted = channel.flows(channel.trips_by_ticket(TICKETS), level)
    assert counted["travellers"].sum().to_pyarrow().as_py() == 4


def test_a_traveller_turned_back_did_not_travel_and_an_unlisted_gate_loses_nobody():
    passes = ibis.memtable(
        pa.table(
            {
                "gate": ["g1", "g1", "g2"],
                "passed": [datetime(2020, 2, 1, 8)] * 3,
                "origin": ["420106"] * 3,
                "destination": ["421023"] * 3,
                "outcome": ["passed", "turned_back", None],
            }
        )
    )
    gates = ibis.memtable(pa.table({"gate": ["g1"], "channel": ["road"]}))
    counted = channel.flows(channel.trips_by_pass(passes, gates)).to_pyarrow().to_pylist()
    assert sorted((r["channel"] or "", r["travellers"]) for r in counted) == [("", 1), ("road", 1)]
