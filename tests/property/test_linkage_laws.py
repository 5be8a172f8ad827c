"""Laws of linkage: the order of records changes nothing; a department has a person once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.made_up_people import records

from analytics.methods import matching
from analytics.pool import linkage


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    people = records(450, seed=29)
    with linkage.workspace(tmp_path_factory.mktemp("train"), memory_limit_mb=500) as connection:
        connection.register("raw", people)
        linkage.standardise(connection, "raw")
        model = linkage.train(connection, pairs=1e5)
    return people, model, keys_of(tmp_path_factory.mktemp("keys"), people, model)


def keys_of(folder, table, model):
    with linkage.workspace(folder, memory_limit_mb=500) as connection:
        connection.register("raw", table)
        linkage.link(connection, "raw", model, "one")
        return linkage.keys(connection).to_pylist()


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**31))
def test_order_of_records_changes_nothing(trained, tmp_path, seed):
    people, model, expected = trained
    order = np.random.default_rng(seed).permutation(people.num_rows)
    found = keys_of(tmp_path, people.take(order), model)
    assert found == expected
    pairs = [(row["department"], row["person"]) for row in found]
    assert len(set(pairs)) == len(pairs)


@st.composite
def graphs(draw):
    """Records of up to four sources, and links of distinct weights across them."""
    source = np.array(draw(st.lists(st.integers(0, 3), min_size=2, max_size=24)), dtype=np.int64)
    pairs = [(i, j) for i in range(len(source)) for j in range(i) if source[i] != source[j]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    weight = np.array(draw(st.permutations(range(len(chosen)))), dtype=np.float64)
    proven = np.array(
        draw(st.lists(st.integers(-1, 2), min_size=len(source), max_size=len(source)))
    )
    ends = np.array(chosen, dtype=np.int64).reshape(-1, 2)
    return source, ends[:, 0], ends[:, 1], weight, proven


@given(graph=graphs())
def test_groups_hold_a_source_and_an_identity_once(graph):
    source, left, right, weight, proven = graph
    label, used = matching.one_to_one(left, right, weight, 1 << source, proven)
    members = [(int(one), int(own)) for one, own in zip(label, source, strict=True)]
    assert len(set(members)) == len(members)
    for group in set(label.tolist()):
        assert len({int(one) for one in proven[label == group] if one >= 0}) <= 1
    assert len(set(label.tolist())) == len(source) - len(used)


@given(graph=graphs())
def test_groups_are_those_of_taking_links_one_by_one(graph):
    """The rounds of whole arrays give what the plain greedy rule gives."""
    source, left, right, weight, proven = graph
    label, _ = matching.one_to_one(left, right, weight, 1 << source, proven)
    groups = {i: {i} for i in range(len(source))}
    for place in np.argsort(-weight, kind="stable"):
        one, two = groups[int(left[place])], groups[int(right[place])]
        both = one | two
        named = {int(proven[i]) for i in both if proven[i] >= 0}
        if one is not two and len({int(source[i]) for i in both}) == len(both) and len(named) < 2:
            groups |= dict.fromkeys(both, both)
    assert label.tolist() == [min(groups[i]) for i in range(len(source))]


@given(graph=graphs(), drawn=st.data())
def test_what_was_found_to_be_two_never_shares_a_group(graph, drawn):
    source, left, right, weight, proven = graph
    places = st.integers(0, len(source) - 1)
    pairs = drawn.draw(st.lists(st.tuples(places, places).filter(lambda p: p[0] != p[1])))
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    apart = (ends[:, 0], ends[:, 1])
    label, _ = matching.one_to_one(left, right, weight, 1 << source, proven, apart)
    assert not (label[apart[0]] == label[apart[1]]).any()
