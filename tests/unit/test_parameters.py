"""Parameters are refused before a kernel starts, all breaches at once, with the nearest name."""

from __future__ import annotations

from datetime import date

import pytest

from analytics.errors import ParameterError
from analytics.reporting import parameters
from analytics.reporting.parameters import RiskGrading


def refused(**entries: object) -> str:
    with pytest.raises(ParameterError) as caught:
        parameters.parse("risk_grading", entries)
    return str(caught.value)


def test_text_is_read_by_the_type_of_its_field():
    expected = RiskGrading(study="hubei-2020", as_of=date(2020, 2, 28), window_days=7)
    given = {"study": "hubei-2020", "as_of": "2020-02-28", "window_days": "7"}
    assert parameters.parse("risk_grading", given) == expected


def test_empty_study_and_day_are_the_embedded_study_and_its_own_day():
    read = parameters.parse("risk_grading", {"study": "", "as_of": ""})
    assert (read.study, read.as_of) == ("hubei-2020", date(2020, 2, 29))


def test_every_breach_is_named_at_once():
    message = refused(window_dais="7", cumulative_cutoff="many", as_of="2020-02-30")
    assert "window_dais: unknown; did you mean 'window_days'?" in message
    assert "cumulative_cutoff: Input should be a valid integer" in message
    assert "as_of: Input should be a valid date" in message


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"window_days": "0"}, "greater than or equal to 1"),
        ({"window_days": "7.5"}, "valid integer"),
        ({"retrospective": "perhaps"}, "valid boolean"),
        ({"as_of": "2021-02-28"}, "lies outside the study (2020-01-23 to 2020-04-15)"),
        ({"as_of": "29/02/2020"}, "valid date"),
        ({"study": "hubei2020"}, "did you mean 'hubei-2020'?"),
    ],
)
def test_impossible_values_are_refused(entries: dict[str, str], expected: str):
    assert expected in refused(**entries)


def test_unknown_report_is_refused_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'risk_grading'"):
        parameters.parse("risk_gradng", {})


def test_a_study_is_named_by_text_and_never_by_a_number():
    assert "there is no study '1'" in refused(study="1")
    assert "there is no study '001'" in refused(study="001")


def test_variant_names_every_choice_that_is_not_the_standard():
    assert parameters.parse("risk_grading", {}).variant() == ""
    chosen = parameters.parse("risk_grading", {"retrospective": "true", "window_days": "7"})
    assert chosen.variant() == "window-days-7.retrospective"


def test_cell_declares_every_parameter_with_type_default_and_meaning():
    expected = (
        'study: str = ""  # study under data/; empty: the one chosen for this session\n'
        'as_of: str = ""  # known by 24:00 of this day; empty: the study\'s own\n'
        "window_days: int = 14  # days without a new case to be low\n"
        "cumulative_cutoff: int = 50  # cases above which a cluster makes high\n"
        "retrospective: bool = False  # use county counts published later"
    )
    assert parameters.cell(RiskGrading) == expected
