"""Stranded people of the simulated province, linked without error, beside the truth."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from tests.drawn import known

from analytics import engine, study
from analytics.analysis import resettlement
from analytics.simulation import care, journeys, registers, world

STUDY, RESIDENTS, SEEDS = "hubei-2020-simulated", 20_000, 24
FIRST, AS_OF, LAST = date(2020, 1, 23), date(2020, 2, 29), date(2020, 3, 10)


def collected(table) -> pd.DataFrame:
    return engine.rows(table, engine.connect()).to_pandas()


def made(seed: int) -> tuple[world.World, care.Stranded, pd.DataFrame]:
    """Make a province, who is held up in it, and the register of those some list shows."""
    province = world.make(study.load(STUDY), RESIDENTS, seed, FIRST, LAST)
    held = care.stranded(province)
    where, _ = care.sites(province)
    rows = (
        care.registration(province, held), care.hotline(province, held),
        care.assistance(province, held), journeys.hotel_stays(province),
        journeys.roaming(province), registers.resident_register(province),
        registers.student_rolls(province),
        care.placements(province, held, care.stays(province, held, where)),
    )  # fmt: skip
    feeds = {each.feed: known(each) for each in rows}
    return province, held, collected(resettlement.register(feeds, AS_OF, "420000"))


def test_everyone_known_is_placed_referred_or_waiting_with_a_reason():
    province, held, register = made(5)
    where, listed = care.sites(province)
    found = care.rooms(province, where, care.stays(province, held, where))
    counties = province.people.places.counties
    spread = np.linspace(0, 1, len(counties))
    places = pd.DataFrame(
        {"region": counties, "longitude": 109 + 7 * spread, "latitude": 29 + 4 * spread}
    )
    rooms = collected(known(found))
    plan = resettlement.place(register, collected(known(listed)), rooms, places)
    told = plan.persons
    assert sorted(told["person"]) == sorted(register["person"])
    assert set(told["status"]) <= {"placed", "referred", "waiting"}
    assert told["site"].notna().equals(told["status"] == "placed")
    assert (told["reason"] != "").all()
    day = province.position(AS_OF)
    there = held.inside & held.known & (held.registered <= day) & (held.left > day)
    assert {f"p{n}" for n in held.person[there]} <= set(told["person"])


@pytest.mark.slow
def test_the_interval_of_the_hidden_holds_the_truth_as_often_as_it_says():
    """Held up and not known to have gone: whom the lists together speak of."""
    holds = []
    for seed in range(1, SEEDS + 1):
        province, held, register = made(seed)
        day = province.position(AS_OF)
        gone = held.known & (held.left <= day)
        truth = int((held.inside & (held.since <= day) & ~gone).sum())
        whole = resettlement.hidden(register).iloc[0]
        assert whole["known"] < truth
        holds.append(whole["lower"] <= truth <= whole["upper"])
    fewest = int(binom.ppf(0.005, SEEDS, 0.95))
    assert sum(holds) >= fewest
