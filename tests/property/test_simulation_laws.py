"""Laws of the simulated province's parts: shares add up, numbers differ, faults keep rows."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from analytics.simulation import curve, dirt, draws, names, scenario
from analytics.simulation.world import Rows

WEIGHTS = st.lists(st.floats(0.001, 1000), min_size=1, max_size=40)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), WEIGHTS)
def test_parts_add_up_to_the_whole(total, weights):
    parts = draws.apportion(total, weights)
    exact = np.array(weights) / np.sum(weights) * total
    assert parts.sum() == total
    assert (np.abs(parts - exact) < 1 + 1e-6).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400), st.integers(0, 2**31))
def test_people_of_one_day_have_different_sound_numbers(size, seed):
    generator = np.random.default_rng(seed)
    female = generator.random(size) < 0.5
    born = np.full(size, np.datetime64("1980-02-29")) + generator.integers(0, 2, size)
    numbers = names.resident_numbers(np.full(size, 429900), born, female).to_pylist()
    assert len(set(numbers)) == size
    assert all(ric.calc_check_digit(number) == number[-1] for number in numbers)
    assert [int(number[16]) % 2 == 0 for number in numbers] == female.tolist()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 299_000_000), st.integers(1, 500))
def test_phones_are_different(start, size):
    made = names.phones(start + np.arange(size)).to_pylist()
    assert len(set(made)) == size
    assert all(len(number) == 11 and number[:3] in {"154", "142", "143"} for number in made)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 2**31))
def test_chosen_members_are_distinct(size, wanted, seed):
    members = np.arange(size) * 3
    chosen = draws.some(np.random.default_rng(seed), members, wanted)
    assert chosen.size == min(size, wanted) == np.unique(chosen).size
    assert np.isin(chosen, members).all()


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**31))
def test_faults_change_cells_and_never_rows(mistyped, wide, old, seed):
    size = 50
    number = names.resident_numbers(
        np.full(size, 429901), np.full(size, np.datetime64("1975-05-05")), np.zeros(size, bool)
    )
    table = pa.table({
        "registration_number": pa.array([str(n) for n in range(size)]),
        "id_number": number,
        "name": pa.array(["王小明", "NA"] * (size // 2)),
        "phone": names.phones(np.arange(size)),
        "address": pa.array(["街"] * size),
    })  # fmt: skip
    rows = Rows("community_registration", np.zeros(size, int), np.arange(size), table)
    rates = scenario.Dirt(id_error=mistyped, full_width=wide, old_id=old, name_error=0.3)
    soiled = dirt.soil(rows, rates, size, seed)
    assert soiled.table.num_rows == size
    assert soiled.table["registration_number"] == table["registration_number"]
    assert soiled.table["address"] == table["address"]
    assert all(soiled.table["id_number"].to_pylist())
    assert {len(n) for n in soiled.table["id_number"].to_pylist()} <= {15, 18}


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 500), min_size=30, max_size=60))
def test_infections_are_never_negative(reported):
    size = len(reported)
    delay = np.triu(np.tril(np.full((size, size), 0.1), 9))
    found = curve.infections(np.array([reported]), delay)
    assert found.shape == (1, size)
    assert (found >= 0).all()
    assert np.isfinite(found).all()
