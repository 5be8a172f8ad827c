"""Laws of pseudonyms, for whatever is written."""

from __future__ import annotations

import hmac
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from analytics.privacy import keys, pseudonyms

DIGITS = st.text("0123456789", min_size=3, max_size=3)
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(1999, 12, 31))
OLD = st.builds(
    lambda region, day, order: f"{region}{day:%y%m%d}{order}",
    st.sampled_from(["420102", "429004", "110105"]),
    DAYS,
    DIGITS,
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> keys.Ring:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_KEYS", str(tmp_path_factory.mktemp("keys") / "keys"))
        return keys.create("wuhan")


@given(st.lists(OLD, min_size=1, max_size=20))
def test_upgraded_ids_have_the_check_character_of_python_stdnum(old):
    upgraded = pseudonyms.resident_18(pa.array(old)).to_pylist()
    assert [value[:6] + value[8:17] for value in upgraded] == old
    assert [value[6:8] for value in upgraded] == ["19"] * len(old)
    assert all(ric.calc_check_digit(value) == value[-1] for value in upgraded)


@given(st.lists(st.one_of(st.none(), st.text(max_size=40), OLD), max_size=30))
def test_canonical_form_is_stable_for_residents_and_pseudonyms_and_loses_no_row(written):
    once = pseudonyms.canonical(pa.array(written, pa.string()))
    assert len(once) == len(written)
    plain = [value for value in once.to_pylist() if value is not None and ":" not in value]
    assert pseudonyms.canonical(pa.array(plain, pa.string())).to_pylist() == plain


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1, max_size=60), max_size=30))
def test_every_pseudonym_is_the_hmac_of_the_canonical_form(ring, written):
    canonical = pseudonyms.canonical(pa.array(written, pa.string())).to_pylist()
    key = keys.derive(ring, "pseudonym", "travel")
    expected = [
        None if c is None else hmac.digest(key, c.encode(), "sha256").hex()[:32] for c in canonical
    ]
    found = pseudonyms.pseudonymise(pa.array(written, pa.string()), ring, "travel").to_pylist()
    assert found == expected


@given(st.lists(st.text("0123456789X", min_size=16, max_size=19), max_size=40))
def test_quick_way_for_plain_ids_changes_nothing(written):
    numbers = pa.array(written, pa.string())
    slow = pseudonyms._rewritten(numbers, None) if written else numbers
    assert pseudonyms.canonical(numbers).to_pylist() == slow.to_pylist()
