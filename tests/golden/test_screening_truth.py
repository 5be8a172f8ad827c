"""Screening of the simulated province, its people linked without error, beside the truth."""

from __future__ import annotations

from datetime import date

import pytest
from tests.drawn import known

from analytics import engine, study
from analytics.analysis import screening
from analytics.simulation import feeds, world

STUDY = "hubei-2020-simulated"
FIRST, LAST = date(2020, 1, 23), date(2020, 2, 22)
READ = ("cases", "fever_visits", "tests", "contacts", "quarantine", "declarations",
        "community_registration", "resident_register", "placements", "tickets")  # fmt: skip


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
