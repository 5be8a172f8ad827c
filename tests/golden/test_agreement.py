"""The committed table of agreements is what the data say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from analytics import study as studies
from analytics.analysis import incidence
from analytics.pool import boundaries, published
from analytics.pool import figures as staged

PAGE = Path(__file__).parents[2] / "docs" / "agreement.md"


def test_agreement_page_is_up_to_date():
    path = Path(__file__).with_name("agreement.py")
    spec = importlib.util.spec_from_file_location("agreement_page", path)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.PAGE.read_text(encoding="utf-8") == page.text()


def test_shares_lean_and_spread_as_prefectures_did_before_any_list():
    """The study's elasticity and spread are those of the prefectures by 10 February 2020."""
    study = studies.load("hubei-2020")
    staged.bring(study)
    figures = published.read(study)
    table = figures.areas.merge(figures.population, on="adcode").merge(
        boundaries.extent(study), on="adcode"
    )
    total = table.groupby("prefecture")[["population", "area_km2"]].sum().drop("420100")
    day = figures.counts["date"] == pd.Timestamp("2020-02-10")
    cases = figures.counts[day].set_index("adcode")["confirmed"].reindex(total.index)
    rate = np.log(cases.astype(float) / total["population"])
    density = np.log(total["population"] / total["area_km2"])
    slope, start = np.polyfit(density, rate, 1)
    spread = (rate - start - slope * density).std(ddof=2)
    assert slope == pytest.approx(study.grade_uncertainty.density_elasticity, abs=0.01)
    assert spread == pytest.approx(study.grade_uncertainty.share_spread, abs=0.02)


def test_new_cases_scatter_about_shares_as_in_prefectures():
    """The study's dispersion is that of the prefectures in the fortnight before the first list."""
    study = studies.load("hubei-2020")
    staged.bring(study)
    counts = published.read(study).counts
    steps = incidence.daily(counts, study.definition_changes)
    first, day = pd.Timestamp("2020-02-15"), pd.Timestamp("2020-02-28")
    rows = steps[pd.to_datetime(steps["date"]).between(first, day)]
    new = rows.groupby("adcode")["new"].sum().drop("420100").clip(lower=0).round()
    total = counts[pd.to_datetime(counts["date"]) == day].set_index("adcode")["confirmed"]
    mean = total[new.index].astype(float) / total[new.index].sum() * new.sum()

    def surprise(size: float) -> float:
        return float(-stats.nbinom.logpmf(new, size, size / (size + mean)).sum())

    size = optimize.minimize_scalar(surprise, bounds=(0.1, 50), method="bounded").x
    assert size == pytest.approx(study.grade_uncertainty.window_dispersion, abs=0.1)


def test_probabilities_agree_better_than_any_baseline():
    """RPS is at most 0.13 on every list, and 0.10 with the counties' later state and list."""
    table = PAGE.read_text(encoding="utf-8").split("## Probabilities")[1].split("How often")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| 2020")]
    scores = {(row[0].strip("| "), row[1].strip("*")): float(row[4]) for row in rows}
    days = sorted({day for day, _ in scores})
    assert days
    for day in days:
        ours = scores[day, "counts only"]
        assert ours <= 0.13
        simple = ("majority grade", "prefecture's rule", "Poisson by residents")
        assert ours < min(scores[day, name] for name in simple)
        best = scores.get((day, "retrospective, with the list before"))
        assert (scores[day, "retrospective"] if best is None else best) <= 0.10
