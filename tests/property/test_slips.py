"""Slips on packed strings are those that DuckDB counts on plain ones."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.methods import slips

WORDS = st.lists(
    st.tuples(st.text("abc~", max_size=9), st.text("abc~", max_size=9)), min_size=1, max_size=40
)


def packed(words):
    array = pa.array(words, pa.string())
    _, starts, content = array.buffers()
    content = np.frombuffer(content or b"", dtype=np.uint8)
    return slips.pack(np.frombuffer(starts, dtype=np.int32)[: len(words) + 1], content)


@settings(deadline=None)
@given(pairs=WORDS)
def test_one_slip_is_a_damerau_distance_of_one_at_most(pairs):
    left, right = zip(*pairs, strict=True)
    words = pa.table({"n": range(len(pairs)), "l": left, "r": right})  # noqa: F841
    counted = duckdb.sql("select damerau_levenshtein(l, r) <= 1 from words order by n").fetchall()
    (one, fits), (two, also) = packed(left), packed(right)
    assert fits.tolist() == [len(word) <= 8 for word in left]
    both = fits & also
    expected = np.array([bool(row[0]) for row in counted])
    assert slips.one_slip(one, two)[both].tolist() == expected[both].tolist()


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(*[st.text("0123456789", min_size=8, max_size=8)] * 2), min_size=1))
def test_hamming_counts_places(pairs):
    left, right = zip(*pairs, strict=True)
    counted = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairs]
    assert slips.hamming(packed(left)[0], packed(right)[0]).tolist() == counted


def test_a_name_with_two_signs_swapped_is_one_slip_away():
    """Damerau's four slips on one word, and a fifth that is two slips."""
    cases = [("abcd", "abxd"), ("abcd", "abd"), ("abcd", "abxcd"), ("abcd", "acbd"), ("ab", "cd")]
    left, right = zip(*cases, strict=True)
    found = slips.one_slip(packed(left)[0], packed(right)[0])
    assert found.tolist() == [True, True, True, True, False]
