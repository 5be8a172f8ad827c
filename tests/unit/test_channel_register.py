"""Register and notices: what is open, to whom, and what a change of it does."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import codes, study
from analytics.analysis import channel
from analytics.analysis.channel import checkpoints, exports, register, whatif
from analytics.errors import ParameterError, StudyError

DATA = study.root() / "data" / "hubei-2020"
NOTICES = register.read_notices(DATA / "channel_notices.toml")
AREAS = ["420100", "421000", "429004"]


def rows(*entries: tuple[object, ...]) -> pd.DataFrame:
    columns = ["county", "channel", "direction", "since", "status"]
    return pd.DataFrame(entries, columns=columns)


def at(*when: int) -> datetime:
    return datetime(2020, *when)


def statuses(table: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    return dict(
        zip(
            zip(table["area"], table["channel"], table["direction"], strict=True),
            table["status"],
            strict=True,
        )
    )


def test_the_later_row_counts_and_of_one_moment_that_of_the_smaller_area():
    kept = rows(
        ("420000", "rail", "out", at(1, 23), "closed"),
        ("420100", "rail", "out", at(1, 23), "permit_only"),
        ("421003", "rail", "out", at(1, 20), "checked"),
    )
    found = statuses(register.status(kept, ["420106", "421003", "421024"], at(1, 24)))
    assert found["420106", "rail", "out"] == "permit_only"
    assert found["421003", "rail", "out"] == "closed"
    assert found["421024", "rail", "in"] == "open"
    before = statuses(register.status(kept, ["421003"], at(1, 22)))
    assert before["421003", "rail", "out"] == "checked"


def test_notices_write_the_register_of_spring_2020():
    written = register.register_of(NOTICES, AREAS)
    found = {
        day: statuses(register.status(written, AREAS, at(*day)))
        for day in ((1, 23), (3, 24), (3, 25), (4, 7), (4, 8))
    }
    assert found[1, 23]["420100", "road", "out"] == "open"  # until 10:00
    assert found[3, 24]["421000", "rail", "out"] == "closed"
    assert found[3, 25]["421000", "rail", "out"] == "checked"
    assert found[4, 7]["420100", "rail", "out"] == "closed"
    assert found[4, 8]["420100", "rail", "out"] == "checked"


def traveller(kind="resident", origin="420106", code="green", *, test=False, bus=False):
    return {
        "kind": kind, "origin": origin, "destination": "440300", "channel": "road", "code": code,
        "negative_test": test, "point_to_point": bus,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("day", "who", "expected"),
    [
        ((3, 24), traveller("migrant_worker", test=True, bus=True), (False, "closed")),
        ((3, 25), traveller("migrant_worker", test=True, bus=True), (True, "")),
        ((3, 25), traveller("migrant_worker", test=True), (False, "point_to_point")),
        ((3, 25), traveller("migrant_worker"), (False, "negative_test;point_to_point")),
        ((3, 25), traveller(), (False, "closed")),
        ((3, 25), traveller(origin="421003"), (True, "")),
        ((3, 25), traveller(origin="421003", code="yellow"), (False, "green_code")),
        ((3, 25), traveller(origin="421003", code=None), (False, "green_code")),
        ((4, 7), traveller(), (False, "closed")),
        ((4, 8), traveller(), (True, "")),
        ((4, 8), traveller("migrant_worker"), (True, "")),
        ((4, 8), traveller(code="red"), (False, "green_code")),
        ((1, 20), traveller(code=None), (True, "")),
    ],
)
def test_who_may_pass_by_the_notices(day, who, expected):
    (row,) = register.allowed(NOTICES, pd.DataFrame([who]), date(2020, *day)).to_dict("records")
    assert (row["allowed"], row["lacking"]) == expected


def test_impossible_changes_and_notices_are_refused_all_at_once(tmp_path):
    wrong = rows(("4201", "tram", "up", at(1, 1), "ajar"))
    with pytest.raises(ParameterError) as told:
        register.change(rows(), wrong)
    assert len(told.value.breaches) == 4
    path = tmp_path / "notices.toml"
    with pytest.raises(StudyError, match="no notices"):
        register.read_notices(path)
    path.write_text('[[notice]]\nid = "x"\n', encoding="utf-8")
    with pytest.raises(StudyError, match="notice 1: since"):
        register.read_notices(path)


DEMAND = pd.DataFrame(
    {
        "origin": ["420100"] * 4,
        "destination": ["440300", "440300", "310000", "421003"],
        "channel": ["rail", "road", "air", "road"],
        "travellers": [1000.0, 500.0, 200.0, 0.0],
    }
)
PREVALENCE = {"420100": np.array([0.001, 0.003])}


def test_effects_on_a_route_are_shares_of_its_demand():
    kept = rows(("420100", "rail", "out", at(1, 1), "checked"))
    controls = whatif.Controls(diverted=0.0)
    found = whatif.effects(DEMAND, kept, at(2, 1), PREVALENCE, controls).set_index("channel")
    assert found.loc["rail", "moving"].tolist() == pytest.approx(950)
    assert found.loc["rail", "exported"] == pytest.approx(950 * 0.46 * 0.002)
    assert found.loc["air", "exported"] == pytest.approx(200 * 0.002)


def test_delay_of_arrival_by_closing_half():
    """Halving the rate of a steady stream doubles the median wait for the first arrival."""
    before = pd.DataFrame({"destination": ["x"], "moving": [10.0], "exported": [0.2],
                           "lower": [0.1], "upper": [0.3]})  # fmt: skip
    after = before.assign(exported=0.1)
    (row,) = whatif.compare(before, after).to_dict("records")
    assert row["delay"] == pytest.approx(np.log(2) / 0.1 - np.log(2) / 0.2)
    (row,) = whatif.compare(before, after, growth=0.1).to_dict("records")
    assert row["delay"] == pytest.approx(
        10 * (np.log1p(0.1 * np.log(2) / 0.1) - np.log1p(0.1 * np.log(2) / 0.2))
    )
    (row,) = whatif.compare(before, before.assign(exported=0.0)).to_dict("records")
    assert np.isinf(row["delay"])


STATUS = st.sampled_from(codes.CONTROLS)
LIMITS = settings(max_examples=60, deadline=None)


@LIMITS
@given(
    now=st.lists(STATUS, min_size=4, max_size=4),
    place=st.integers(0, 3),
    stricter=STATUS,
    diverted=st.floats(0, 1),
    people=st.lists(st.floats(0, 1e5), min_size=4, max_size=4),
)
def test_closing_a_channel_never_raises_exportation_over_it(now, place, stricter, diverted, people):
    """And nobody is lost: admitted, diverted and stopped are the demand; diverted arrive."""
    demand = pd.DataFrame(
        {"origin": "420100", "destination": "440300", "channel": codes.CHANNELS,
         "travellers": people}
    )  # fmt: skip
    kept = rows(
        *[
            ("420100", name, "out", at(1, 1), each)
            for name, each in zip(codes.CHANNELS, now, strict=True)
        ]
    )
    rank = codes.CONTROLS.index
    then = max(now[place], stricter, key=rank)
    scenario = register.change(kept, rows(("420100", codes.CHANNELS[place], "out", at(2, 1), then)))
    controls = whatif.Controls(diverted=diverted)
    before, after = (
        whatif.effects(demand, each, at(3, 1), PREVALENCE, controls) for each in (kept, scenario)
    )
    for column in ("exported", "lower", "upper"):
        assert after.loc[place, column] <= before.loc[place, column] + 1e-9
    for found in (before, after):
        whole = found["admitted"] + found["diverted_away"] + found["stopped"]
        np.testing.assert_allclose(whole, people)
        assert found["diverted_here"].sum() == pytest.approx(found["diverted_away"].sum())
        assert (found[["admitted", "diverted_away", "stopped"]] >= -1e-6).all().all()


def test_controls_that_loosen_with_strictness_are_refused():
    shares = {"open": 0.5, "checked": 1.0, "permit_only": 0.2, "closed": 0.0}
    with pytest.raises(ParameterError, match="lets more through"):
        whatif.Controls(admitted=shares)


def test_queues_at_the_checks_of_an_origin():
    kept = rows(("420100", "road", "out", at(1, 1), "checked"))
    routes = whatif.effects(DEMAND, kept, at(2, 1), PREVALENCE)
    (row,) = whatif.queues(routes, np.ones(24), {"420100": 1}, 2.0).to_dict("records")
    assert row["checked"] == pytest.approx(475)
    load = 475 / 24 * 2 / 60
    assert row["mean_wait"] == pytest.approx(load / (1 - load) * 2)  # M/M/1
    (row,) = whatif.queues(routes, np.ones(24), {}, 2.0).to_dict("records")
    assert np.isinf(row["mean_wait"])


def test_prevalence_of_a_steady_epidemic():
    """Incidence x period / ascertainment, when all three are known."""
    days = pd.Series(100.0, pd.date_range("2020-01-01", "2020-02-29"))
    known = exports.Assumptions(ascertainment=(0.5, 0.5), infectious_period=(5.0, 5.0))
    found = exports.prevalence(days, 1e6, date(2020, 2, 29), known)
    steady = 200 / (1 - np.exp(-1 / 5))
    assert found.mean() == pytest.approx(steady / 1e6, rel=0.02)


def test_no_cases_found_is_not_none_there():
    none = pd.Series(0.0, pd.date_range("2020-03-01", "2020-03-31"))
    found = exports.prevalence(none, 1e7, date(2020, 3, 31))
    assert (found > 0).any()
    assert found.mean() < 1e-6
    with pytest.raises(ParameterError, match="a day that was counted"):
        exports.prevalence(none * np.nan, 1e7, date(2020, 3, 31))


def test_importations_follow_the_shares_and_their_interval_holds_chance():
    shares = pd.Series({"420900": 0.2, "421100": 0.1})
    found = exports.importations(shares, np.full(20_000, 0.002))
    assert found["mean"].tolist() == pytest.approx([4.0, 2.0])
    assert found["none"].tolist() == pytest.approx(np.exp([-4.0, -2.0]))
    assert (found["lower"].tolist(), found["upper"].tolist()) == ([1, 0], [8, 5])  # Poisson's


def test_a_budget_goes_where_it_averts_most_and_says_what_lacks():
    arrivals = pd.DataFrame({"gate": ["a", "b"], "hour": [8, 8], "arrivals": [120.0, 120.0]})
    infectious = {"a": 0.01, "b": 0.001}
    few = checkpoints.plan(arrivals, infectious, 2, found=0.5, service=1.0)
    staffed = few.hours[few.hours["hour"] == 8].set_index("gate")["staff"]
    assert staffed["a"] == 2
    assert few.short > 0
    assert f"{few.short}" in checkpoints.explain(few)[0]["zh"]
    many = checkpoints.plan(arrivals, infectious, few.needed, found=0.5, service=1.0)
    assert many.short == 0
    assert "keep the wait target" in checkpoints.explain(many)[0]["en"]
    assert few.averted < many.averted <= many.most == pytest.approx(120 * 0.5 * 0.011)


def test_departments_flows_are_laid_side_by_side_and_nobody_is_lost():
    key = ["date", "origin", "destination", "channel", "travellers"]
    day = "2020-02-01"
    passes = pd.DataFrame([(day, "a", "b", "road", 5), (day, "a", "c", "road", 2)], columns=key)
    tickets = pd.DataFrame([(day, "a", "b", "rail", 7), (day, "a", "b", "air", 3)], columns=key)
    both = channel.compare({"passes": passes, "tickets": tickets})
    assert both["passes"].sum() == 7
    assert both["tickets"].sum() == 10
    assert both["ratio"].tolist()[0] == 2
    assert both["sources"].tolist() == [2, 1]
    assert both["ratio"].isna().tolist() == [False, True]
