"""Checks at gates: departments' counts side by side, staff on duty, what may be shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from analytics import engine, study
from analytics.errors import ParameterError
from analytics.render import channel as render
from analytics.render.blocks import Missing
from analytics.reporting import gates, sightings
from analytics.study import ZONE

CHOSEN = study.load("hubei-2020-simulated")
MOMENT = datetime(2020, 3, 11, tzinfo=ZONE)  # the end of 10 March
PREFECTURES = ["420100", "421000"]
AREAS = pd.DataFrame(
    {
        "prefecture": PREFECTURES,
        "prefecture_name": ["武汉市", "荆州市"],
        "prefecture_name_en": ["Wuhan", "Jingzhou"],
    }
)


def moments(values):
    return pa.array(values, pa.timestamp("us"))


def views(connection):
    """Sixty left Wuhan through a gate at nine, forty with a ticket, on 3 March; one long before."""
    went = datetime(2020, 3, 3, 9)
    left, ticketed = 60, 40
    tables = {
        "checkpoint_passes": {
            "pass_number": [f"S{n}" for n in range(left + 1)],
            "passed": moments([went] * left + [went - timedelta(days=30)]),
            "gate": ["G1"] * left + ["G2"],
            "origin": ["420106"] * (left + 1),
            "destination": ["421003"] * (left + 1),
            "outcome": ["passed"] * (left + 1),
        },
        "gates": {
            "gate": ["G1", "G2"], "name": ["甲", "乙"], "channel": ["road", "rail"],
            "county": ["420106", "421003"], "lanes": pa.array([2, None], pa.int64()),
        },
        # two until four in the afternoon, one until midnight, day after day
        "gate_staff": {
            "gate": ["G1"] * 6,
            "hour": moments([datetime(2020, 3, d, hour) for d in (8, 9, 10) for hour in (0, 16)]),
            "staff": [2, 1] * 3,
        },
        "tickets": {
            "mode": ["rail"] * ticketed,
            "departure": moments([went] * ticketed),
            "origin": ["420106"] * ticketed,
            "destination": ["421003"] * (ticketed - 1) + [None],
        },
        "roaming": {
            "phone": ["p", "p", "q"],
            "date": pa.array([date(2020, 3, 2), date(2020, 3, 3), date(2020, 3, 3)]),
            "city": ["420100", "421000", "421000"],
            "hours": [20, 20, 20],
        },
    }  # fmt: skip
    return {
        name: connection.create_table(name, pa.table(columns), temp=True)
        for name, columns in tables.items()
    }


@pytest.fixture(scope="module")
def seen():
    connection = engine.connect()
    try:
        yield sightings.seen(views(connection), MOMENT, connection)
    finally:
        connection.disconnect()


def test_journeys_of_the_last_days_are_counted_by_each_source(seen):
    assert {source: int(flows["travellers"].sum()) for source, flows in seen.flows.items()} == {
        "passes": 60, "tickets": 39, "roaming": 1,
    }  # fmt: skip
    assert seen.checks.set_index(["gate", "hour"])["checks"].to_dict() == {("G1", 9): 60}
    assert seen.arrivals["arrivals"].sum() == 60


def test_staff_stand_from_their_hour_to_the_next_listed(seen):
    assert seen.staff == 2 * 16 + 1 * 8


def test_a_budget_goes_where_people_pass_and_none_needs_a_roster(seen):
    prevalence = {"420100": 1e-3}
    planned = sightings.plan(seen, prevalence, found=0.5)
    assert planned.budget == 40
    assert planned.gates["gate"].tolist() == ["G1"]
    short = sightings.plan(seen, prevalence, found=0.5, budget=1)
    assert 0 < short.averted < planned.averted <= planned.most
    empty = sightings.Observed(seen.flows, seen.arrivals, seen.checks, seen.gates, 0)
    assert sightings.plan(empty, prevalence, found=0.5) is None
    with pytest.raises(ParameterError):
        sightings.plan(seen, prevalence, found=0.5, budget=-1)


def test_small_counts_stay_inside_and_the_page_says_what_it_holds(seen, tmp_path):
    chosen = CHOSEN.model_copy(update={"folder": tmp_path})
    planned = sightings.plan(seen, {}, found=0.5)
    shown = gates.show(chosen, seen, planned, MOMENT, PREFECTURES)
    # one day, origin and destination, known to three; the phone's journey is one of the sixty
    assert (shown.flows, shown.single, shown.ratio) == (1, 0, 60.0)
    wuhan = shown.journeys.set_index("prefecture").loc["420100"]
    assert pd.isna(wuhan["roaming"])
    assert {wuhan["passes"], wuhan["tickets"]} - {60, 39} <= {pd.NA}
    names = render.places(AREAS)
    blocks = [
        render.journeys(shown, sightings.DAYS, names),
        render.staffing(shown, sightings.DAYS, names, chosen),
    ]
    cells = {row["area"].en: row for row in blocks[0].tables[0].rows}
    assert isinstance(cells["Wuhan"]["roaming"], Missing)
    assert blocks[1].title.en == (
        "Gates have staff enough: 4 hours a day are needed, 40 are on duty"
    )
    at_nine = blocks[1].tables[0].rows[9]
    assert [at_nine[name].en for name in ("checks", "needed", "staff")] == ["60", "2", "2"]
    silent = replace(shown, delivered=("passes", "tickets"))
    (told,) = render.journeys(silent, sightings.DAYS, names).tables
    assert told.rows[0]["roaming"].reason.en == "nothing delivered of these days"
    unknown = replace(shown, flows=0, single=0, ratio=float("nan"), plan=None)
    blocks.append(render.journeys(unknown, sightings.DAYS, names))
    blocks += [render.staffing(found, sightings.DAYS, names, chosen) for found in (None, unknown)]
    assert render.journeys(None, sightings.DAYS, names) is None  # said once, beside the staff
    text = json.dumps([block.to_json() for block in blocks], ensure_ascii=False, allow_nan=False)
    assert "nan" not in text
