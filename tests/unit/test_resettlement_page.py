"""The resettlement page from a province of some hundreds: what it says, and what it keeps."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from functools import cache

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests import pool_study
from tests.unit.resettlement_province import at, stranded, table

from analytics import engine
from analytics.analysis import assistance, resettlement
from analytics.errors import SolverError
from analytics.pool import boundaries
from analytics.pool import stranded as door
from analytics.privacy.releases import ledger_of
from analytics.render import resettlement as render
from analytics.render.blocks import Missing, dumps

DAY = date(2020, 2, 20)
COUNTIES = ["420102", "420106", "420502", "420602", "421002"]
GROUPS = ["migrant_worker", "university_student", "tourist", "hong_kong_macao_taiwan", "foreigner"]


@cache
def tables():
    """Write 400 people down as departments would, 260 of them registered."""
    rng = np.random.default_rng(5)
    people, calls, stays, help_, beds = [], [], [], [], []
    for n in range(400):
        came = date(2020, 1, 24) + timedelta(days=int(rng.integers(0, 27)))
        left = came + timedelta(days=int(rng.geometric(1 / 20)))
        county, group = COUNTIES[n % 5], GROUPS[int(rng.integers(0, 5))]
        lodging = str(rng.choice(["site", "street", "relatives", "other"], p=[0.5, 0.1, 0.3, 0.1]))
        if rng.random() < 0.65:
            people.append(stranded(
                str(n), registered=came, since=date(2020, 1, 23), county=county, group=group,
                lodging=lodging, left=left if left <= DAY else None, household=f"F{n // 2}",
                sex="female" if rng.random() < 0.4 else "male", halal=bool(rng.random() < 0.1),
                medicine=bool(rng.random() < 0.2),
                permit_expires=date(2020, 3, 1) if group == "foreigner" else None,
            ))  # fmt: skip
            if lodging == "site" and left > DAY and rng.random() < 0.3:
                beds.append({"person": str(n), "placement_number": f"O{n}", "site": f"M{n % 5}",
                             "room_type": "male", "room": f"M{n}", "check_in": came})  # fmt: skip
        if rng.random() < 0.4:
            calls.append({"person": str(n), "call_number": f"A{n}", "called": at(10 + n % 10),
                          "answered": at(11 + n % 9, 9) if n % 3 else None, "county": county,
                          "topic": ["money", "lodging", "complaint"][n % 3]})  # fmt: skip
        if rng.random() < 0.4:
            stays.append({"person": str(n), "check_in": at(2), "origin": "410100",
                          "nationality": "CHN", "county": county})  # fmt: skip
        if rng.random() < 0.4:
            help_.append({"person": str(n), "measure": "relief_money", "county": county,
                          "status": ["given", "requested", "refused"][n % 3],
                          "requested": date(2020, 2, 1), "given": date(2020, 2, 10)})  # fmt: skip
    people += [
        stranded(f"away {n}", registered=DAY, direction="outside", household=f"away {n}",
                 county="430100" if n < 30 else "520100", group="tourist")
        for n in range(33)
    ]  # fmt: skip
    return {
        "stranded": table("stranded", *people), "hotline": table("hotline", *calls),
        "hotel_stays": table("hotel_stays", *stays), "assistance": table("assistance", *help_),
        "placements": table("placements", *beds),
    }  # fmt: skip


def sites() -> pd.DataFrame:
    many = len(COUNTIES)
    return pd.DataFrame({
        "site": [f"M{n}" for n in range(2 * many)], "county": COUNTIES * 2, "kind": "hotel",
        "status": ["open"] * many + ["candidate"] * many, "longitude": np.nan, "latitude": np.nan,
        "floor_area": 900.0, "staff_cap": 60, "halal": [True, False] * many, "wheelchair": True,
        "infant": True, "medicine": True, "languages": "cmn",
        "opening_cost": [0.0] * many + [4000.0] * many, "daily_cost": 60.0,
    })  # fmt: skip


def rooms() -> pd.DataFrame:
    many = {"male": 12, "female": 6, "family": 4, "isolation_single": 3}
    return pd.DataFrame([
        {"site": f"M{n}", "date": pd.Timestamp(DAY), "room_type": kind, "rooms": m, "beds": m}
        for n in range(10) for kind, m in many.items()
    ])  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        study = pool_study.make(patch, tmp_path_factory.mktemp("resettlement"))
        return made(study)


def made(study, *, delivered=True):
    """Analyse as the notebook does; blocks by name."""
    known, connection = tables(), engine.connect()
    homes, beds = sites(), rooms()
    if not delivered:
        known = {name: one.limit(0) for name, one in known.items()}
        homes, beds = homes.head(0), beds.head(0)
    places = door.places(study)
    register = engine.collect(resettlement.register(known, DAY, study.region), connection)
    plan = resettlement.place(register, homes, beds, places)
    openings = resettlement.openings(plan, register, homes, beds, places)
    moved = engine.collect(resettlement.movements(known["stranded"], DAY), connection)
    ahead, hidden = resettlement.ahead(moved, DAY), resettlement.hidden(register, replicates=60)
    rules = assistance.read()
    given = engine.collect(known["assistance"], connection)
    claims = assistance.owed(register, given, rules, DAY)
    hotels = ibis.memtable(pa.table({"region": ["430100", "520100"], "hotels": [5, 11]}))
    away = engine.collect(resettlement.elsewhere(known["stranded"], hotels, DAY), connection)
    shown = resettlement.show(plan, register, claims, places, away, DAY, ledger_of(study.state))
    calls = engine.collect(known["hotline"], connection)
    answers = assistance.responses(calls, DAY, ("complaint", "code"))
    none = pd.DataFrame(columns=["department", "feed", "deliveries", "delivered", "rows"])
    blocks = {
        "masthead": render.masthead(study, DAY, register),
        "lead": render.lead(plan, shown, openings),
        "headlines": render.headlines(shown, ahead, hidden, plan.beds),
        "decisions": render.decisions(study, plan, openings, claims, places),
        "map": render.site_map(boundaries.read(study, "county"), plan, places),
        "beds": render.beds(plan, shown, places), "waiting": render.waiting(shown, places),
        "elsewhere": render.elsewhere(shown),
        "needs": render.needs(shown), "ahead": render.ahead(ahead, places),
        "unlisted": render.unlisted(hidden, shown), "openings": render.openings(openings, places),
        "assistance": render.assistance(shown, assistance.coverage(claims), rules),
        "responses": render.responses(answers), "supplies": render.supplies(none),
        "definitions": render.definitions(rules),
    }  # fmt: skip
    return register, plan, openings, shown, blocks


def test_known_is_placed_referred_or_waiting_with_a_reason(page):
    register, plan, *_ = page
    assert sorted(plan.persons["person"]) == sorted(register["person"])
    assert set(plan.persons["status"]) == {"placed", "referred", "waiting"}
    assert plan.persons["reason"].notna().all()


def test_what_opening_solves_adds_up(page):
    *_, openings, _, _ = page
    solved = openings.solved
    assert len(openings.sites) > 0
    assert (solved["short"] == solved["solved"] + solved["remaining"]).all()
    assert (solved["impossible"] <= solved["remaining"]).all()
    assert openings.sites["places"].sum() == solved["solved"].sum()


def test_every_block_can_be_stored_and_bounds_are_printed(page):
    *_, blocks = page
    stored = {name: dumps(block) for name, block in blocks.items()}
    assert "gap" in stored["beds"]
    assert "lower bound" in stored["beds"]
    assert "unverified" in stored["assistance"]
    assert "should open" in stored["lead"]


def test_what_nobody_delivered_is_no_data_and_not_none(tmp_path, monkeypatch):
    *_, blocks = made(pool_study.make(monkeypatch, tmp_path), delivered=False)
    silent = {
        name
        for name, block in blocks.items()
        if str(getattr(getattr(block, "title", None), "en", "")).endswith(": no data")
    }
    assert silent == {"map", "beds", "waiting", "needs", "unlisted", "openings", "assistance"}
    assert all(not blocks[name].tables for name in silent | {"responses"})
    figures = [figure.value.en for figure in blocks["headlines"].figures]
    assert figures == ["—"] * 3
    assert "deliver registrations" in blocks["decisions"].items[0].what.en


def test_no_small_count_of_persons_is_on_the_page(page):
    *_, shown, blocks = page
    for released in (
        shown.taken,
        shown.status,
        shown.waiting,
        shown.needs,
        shown.claims,
        shown.elsewhere,
    ):
        seen = released.loc[~released["hidden"].astype(bool), "persons"].dropna()
        assert not ((seen > 0) & (seen < 10)).any()
    for name in ("waiting", "needs", "assistance"):
        for one in blocks[name].tables:
            numbers = [v for row in one.rows for k, v in row.items()
                       if k not in ("code", "row") and isinstance(v, int)]  # fmt: skip
            assert all(v == 0 or v >= 10 for v in numbers)


def test_people_held_up_elsewhere_stand_by_province_beside_the_hotels_known(page):
    *_, shown, blocks = page
    rows = {row["region"].en: row for row in blocks["elsewhere"].tables[0].rows}
    assert {place: row["hotels"].en for place, row in rows.items()} == {
        "Hunan": "5", "Guizhou": "11",
    }  # fmt: skip
    assert isinstance(rows["Guizhou"]["persons"], Missing)
    told = shown.elsewhere.set_index("region")["persons"]
    assert told[["430000", "total"]].dropna().isin([30, 33]).all()


def test_bounds_that_contradict_each_other_fail_the_report(page):
    _, plan, openings, shown, _ = page
    wrong = dataclasses.replace(plan.placement, lower=plan.placement.upper * 2)
    with pytest.raises(SolverError):
        render.lead(dataclasses.replace(plan, placement=wrong), shown, openings)
