"""Workers and vehicles: no mixing, no overflow, every reason, and the best there is."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.analysis.channel import returns
from analytics.errors import ParameterError

DAY = pd.Timestamp("2020-03-25")


def workers(*rows: tuple[object, ...]) -> pd.DataFrame:
    """Origin, destination, expected, code, code_until, sampled; days after 25 March."""
    return pd.DataFrame(
        [
            (n, origin, goal, at(expected), code, at(until), at(sampled))
            for n, (origin, goal, expected, code, until, sampled) in enumerate(rows)
        ],
        columns=[
            "worker", "origin", "destination", "expected", "code", "code_until", "sampled",
        ],
    )  # fmt: skip


def vehicles(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [(f"v{n}", start, goal, at(day), seats)
         for n, (start, goal, day, seats) in enumerate(rows)],
        columns=["vehicle", "origin", "destination", "date", "seats"],
    )  # fmt: skip


def at(days: int | None) -> pd.Timestamp:
    return pd.NaT if days is None else DAY + pd.Timedelta(days=days)


FIT = ("420100", "440300", 5, "green", None, 4)


@pytest.mark.parametrize(
    ("worker", "reason"),
    [
        (FIT, None),
        (("420100", "440300", 5, None, None, 4), "no_code"),
        (("420100", "440300", 5, "yellow", None, 4), "code_not_admitted"),
        (("420100", "440300", 5, "green", 1, 4), "code_ends_before"),
        (("420100", "440300", 5, "green", None, None), "no_valid_test"),
        (("420100", "440300", 5, "green", None, -9), "no_valid_test"),
        (("420100", "440300", 5, "green", None, 6), "no_valid_test"),
        (("421000", "440300", 5, "green", None, 4), "no_vehicle_from_origin"),
        (("420100", "310000", 5, "green", None, 4), "no_vehicle_in_time"),
        (("420100", "440300", 9, "green", None, 4), "no_vehicle_in_time"),
    ],
)
def test_everyone_unassigned_has_a_reason(worker, reason):
    found = returns.match(workers(worker), vehicles(("420100", "440300", 5, 1)))
    (told,) = found.workers.to_dict("records")
    assert (told["reason"] if pd.notna(told["reason"]) else None) == reason
    assert pd.notna(told["vehicle"]) == (reason is None)


def test_seats_run_out_and_the_last_chance_goes_first():
    late = ("420100", "440300", 8, "green", None, 4)
    found = returns.match(
        workers(late, FIT, FIT, FIT),
        vehicles(("420100", "440300", 5, 2), ("420100", "440300", 8, 1)),
    )
    assert found.workers["vehicle"].tolist()[0] == "v1"
    assert found.assigned == found.bound == 3
    assert returns.reasons(found).set_index("reason").loc["seats_ran_out", "workers"] == 1
    assert found.vehicles["taken"].tolist() == [2, 1]


def test_a_vehicle_sent_anywhere_goes_to_one_place_with_one_code():
    rows = [FIT] * 3 + [("420100", "310000", 5, "green", None, 4)] * 2
    rows += [("420100", "440300", 5, "yellow", None, 4)] * 2
    found = returns.match(
        workers(*rows), vehicles(("420100", None, 5, 9)), codes=("green", "yellow")
    )
    assert found.assigned == 3
    assert found.vehicles[["bound_for", "code", "taken"]].iloc[0].tolist() == [
        "440300", "green", 3,
    ]  # fmt: skip


def test_unsound_tables_are_refused_all_at_once():
    with pytest.raises(ParameterError) as told:
        returns.match(pd.DataFrame({"worker": [1]}), vehicles(("420100", None, 5, 9)))
    assert len(told.value.breaches) == 6
    twice = pd.concat([vehicles(("420100", None, 5, 0))] * 2)
    with pytest.raises(ParameterError) as told:
        returns.match(workers(FIT), twice)
    assert len(told.value.breaches) == 2


WORKER = st.tuples(
    st.just("420100"), st.sampled_from(["440300", "310000"]), st.integers(3, 6),
    st.sampled_from(["green", "yellow"]), st.none() | st.integers(2, 6), st.integers(-3, 5),
)  # fmt: skip
VEHICLE = st.tuples(
    st.just("420100"), st.sampled_from(["440300", "310000", None]), st.integers(2, 6),
    st.integers(1, 3),
)  # fmt: skip


def can(worker, day) -> bool:
    """Whether a worker may leave on a day."""
    _, _, expected, _, until, sampled = worker
    return max(expected - 3, sampled) <= day <= min(expected, sampled + 7) and (
        until is None or day <= until
    )


def best(people, fleet) -> int:
    """Most that any dispatch carries: every choice tried, each filled by augmenting paths."""
    choices = [
        [(goal or place, code) for place in ([goal] if goal else ["440300", "310000"])
         for code in ("green", "yellow")]
        for _, goal, _, _ in fleet
    ]  # fmt: skip
    most = 0
    for choice in itertools.product(*choices):
        seats: list[tuple[int, str, str]] = []
        for (_, _, day, number), (place, code) in zip(fleet, choice, strict=True):
            seats += [(day, place, code)] * number
        taken: dict[int, int] = {}

        def place_in(who: int, tried: set[int], seats=seats, taken=taken) -> bool:
            for n, (day, place, code) in enumerate(seats):
                if n in tried or (place, code) != (people[who][1], people[who][3]):
                    continue
                if not can(people[who], day):
                    continue
                tried.add(n)
                if n not in taken or place_in(taken[n], tried):
                    taken[n] = who
                    return True
            return False

        most = max(most, sum(place_in(who, set()) for who in range(len(people))))
    return most


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(WORKER, min_size=1, max_size=8), st.lists(VEHICLE, min_size=1, max_size=3))
def test_the_matching_is_the_best_and_keeps_every_rule(people, fleet):
    found = returns.match(workers(*people), vehicles(*fleet), codes=("green", "yellow"))
    told = found.workers
    assert found.assigned == found.bound == best(people, fleet)
    assert (told["vehicle"].isna() == told["reason"].notna()).all()
    assert set(told["reason"].dropna()) <= set(returns.REASONS)
    assert returns.reasons(found)["workers"].sum() + found.assigned == len(people)
    riding = told.dropna(subset=["vehicle"])
    rides = riding.groupby("vehicle")
    assert (rides[["origin", "destination", "code", "date"]].nunique().to_numpy() == 1).all()
    room = found.vehicles.set_index("vehicle")
    assert (rides.size() <= room.loc[rides.size().index, "seats"]).all()
    for row in riding.to_dict("records"):
        assert can(people[row["worker"]], (row["date"] - DAY).days)
        assert row["destination"] == room.loc[row["vehicle"], "bound_for"]
