"""Nobody is lost and nobody lies in two beds, whoever arrives, leaves or loses a site."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.analysis import resettlement
from analytics.codes import ROOM_TYPES

PLACES = pd.DataFrame({
    "region": ["420102", "420103"], "longitude": [114.3, 114.2], "latitude": [30.6, 30.6],
})  # fmt: skip


def arrivals(rng: np.random.Generator, first: int, many: int) -> pd.DataFrame:
    """Persons who wait, some in households, some under quarantine, some with needs."""
    number = np.arange(first, first + many)
    household = [f"F{n}" if keep else None
                 for n, keep in zip(first + rng.integers(0, many, many), rng.random(many) < 0.6,
                                    strict=True)]  # fmt: skip
    return pd.DataFrame({
        "person": number.astype(str), "group": rng.choice(["tourist", "foreigner"], many),
        "county": rng.choice(PLACES["region"], many), "household": household,
        "sex": rng.choice(["male", "female"], many), "quarantine": rng.random(many) < 0.15,
        "halal": rng.random(many) < 0.2, "wheelchair": False, "infant": False, "medicine": False,
        "spoken": rng.choice(["cmn", "eng"], many), "status": "waiting", "reason": "asked",
        "site": None, "room_type": None, "room": None,
    })  # fmt: skip


def premises(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = [f"M{n}" for n in range(4)]
    sites = pd.DataFrame({
        "site": names, "county": rng.choice(PLACES["region"], 4),
        "status": ["open", "open", "open", "candidate"], "longitude": np.nan, "latitude": np.nan,
        "floor_area": rng.uniform(10, 80, 4), "staff_cap": rng.integers(1, 20, 4),
        "halal": rng.random(4) < 0.6, "wheelchair": True, "infant": True, "medicine": True,
        "languages": rng.choice(["cmn", "cmn;eng"], 4),
    })  # fmt: skip
    many = rng.integers(0, 6, (4, 4))
    rooms = pd.DataFrame([
        {"site": names[s], "date": pd.Timestamp("2020-02-20"), "room_type": kind,
         "rooms": many[s, k], "beds": many[s, k]}
        for s in range(4) for k, kind in enumerate(ROOM_TYPES)
    ])  # fmt: skip
    return sites, rooms


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_laws_hold_after_arrivals_departures_and_closures(seed):
    rng = np.random.default_rng(seed)
    sites, rooms = premises(rng)
    register, shut, opened = arrivals(rng, 0, 12), (), ()
    for step in range(3):
        plan = resettlement.place(register, sites, rooms, PLACES, opened=opened, closed=shut)
        assert_lawful(register, plan, rooms, shut)
        moved = plan.persons.set_index("person").loc[register["person"]]
        register = register.assign(
            status=moved["status"].to_numpy(), site=moved["site"].to_numpy(),
            room_type=moved["room_type"].to_numpy(),
            room=[f"{step}{room}" if room else None for room in moved["room"]],
        )  # fmt: skip
        register = register[rng.random(len(register)) < 0.8]
        register = pd.concat([register, arrivals(rng, 100 * (step + 1), 6)], ignore_index=True)
        shut = (*shut, str(rng.choice(["M0", "M1", "M2"])))
        opened = ("M3",)


def assert_lawful(
    register: pd.DataFrame, plan: resettlement.Plan, rooms: pd.DataFrame, shut: tuple[str, ...]
) -> None:
    assert sorted(plan.persons["person"]) == sorted(register["person"])
    on = plan.persons[plan.persons["status"] == "placed"]
    left = plan.persons[plan.persons["status"] != "placed"]
    assert not on["site"].isin(shut).any()
    assert left["site"].isna().all()
    assert left["reason"].notna().all()
    planned = on[on["planned"]]
    assert not planned.duplicated(["site", "room_type", "room", "bed"]).any()
    beds = plan.beds.set_index(["site", "room_type"])
    assert (beds["planned"] <= beds["free"]).all()
    many = rooms.set_index(["site", "room_type"])["rooms"]
    assert (beds["places"] == many.reindex(beds.index)).all()
    alone = register.set_index("person")["quarantine"]
    kinds = planned.set_index("person")["room_type"]
    assert ((kinds == "isolation_single") == alone.reindex(kinds.index)).all()
