"""The form of a report's parameters: the same fields, bounds and messages as everywhere."""

from __future__ import annotations

from datetime import date

import pytest
from tests import workbench_root
from tests.workbench_root import LEAD, SHOW

from analytics.errors import ParameterError
from analytics.reporting import form
from analytics.reporting.parameters import REPORTS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # widgets' own


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    place = workbench_root.make(tmp_path / "workbench", SHOW, LEAD)
    monkeypatch.setenv("WORKBENCH_ROOT", str(place))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return place


@pytest.mark.parametrize("report", REPORTS)
def test_a_form_has_every_parameter_and_begins_with_its_defaults(report):
    shown = form.show(report)
    assert list(shown.fields) == list(REPORTS[report].model_fields)
    assert shown.parameters() == REPORTS[report]()


def test_bounds_hold_in_the_form():
    shown = form.show("risk_grading")
    shown.fields["window_days"].value = 1000
    assert shown.parameters().model_dump()["window_days"] == 60


def test_what_is_wrong_is_said_in_the_form_and_nothing_is_made(root):
    shown = form.show("risk_grading")
    shown.fields["as_of"].value = date(1999, 1, 1)
    assert shown.make() == []
    assert "lies outside the study" in shown.told.value
    assert not (root / "reports").exists()


def test_a_click_makes_the_report_and_links_its_pages(root):
    shown = form.show("risk_grading")
    shown.fields["window_days"].value = 10
    shown.button.click()
    pages = sorted((root / "reports").glob("*/*/*.html"))
    assert [page.name for page in pages] == [
        "risk_grading.window-days-10.en.html",
        "risk_grading.window-days-10.zh.html",
    ]
    assert all(f"/files/reports/{page.parent.parent.name}" in shown.told.value for page in pages)


def test_an_unknown_report_is_answered_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'risk_grading'"):
        form.show("risk_gradin")
