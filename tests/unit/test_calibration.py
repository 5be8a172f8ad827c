"""Calibration of importations: laws on drawn counts, facts on Hubei's prefectures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analytics.errors import ParameterError
from analytics.methods import calibration, importation

COMMITTED = Path(__file__).parents[2] / "data" / "hubei-2020"
GROWTH = np.log(2) / 6.4  # Wu, Leung & Leung (2020), doi:10.1016/S0140-6736(20)30260-9


def draw(places, factor, dispersion, seed):
    """Exposures over two orders of magnitude, and negative binomial counts around them."""
    generator = np.random.default_rng(seed)
    exposure = np.exp(generator.normal(0, 1, places))
    size = 1 / dispersion
    counts = generator.poisson(factor * exposure * generator.gamma(size, 1 / size, places))
    return exposure, counts


def test_factor_and_dispersion_are_recovered():
    """Many places: the truth the counts were drawn from comes back."""
    fitted = calibration.calibrate(*draw(2_000, 150, 0.3, 1))
    assert fitted.factor == pytest.approx(150, rel=0.08)
    assert fitted.dispersion == pytest.approx(0.3, rel=0.12)


def test_slope_is_recovered_and_shrunk():
    """A gravity term's slope is found; a narrow prior pulls it to none."""
    exposure, _ = draw(1_000, 1, 0.1, 2)
    generator = np.random.default_rng(3)
    population = np.exp(generator.normal(0, 1, (1_000, 1)))
    counts = generator.poisson(100 * exposure * population[:, 0] ** 0.5)
    wide = calibration.calibrate(exposure, counts, population, slope_spread=10)
    narrow = calibration.calibrate(exposure, counts, population, slope_spread=1e-4)
    assert wide.coefficients[1] == pytest.approx(0.5, abs=0.02)
    assert abs(narrow.coefficients[1]) < 0.25


@pytest.mark.parametrize("dispersion", [0.05, 0.5])
def test_intervals_cover_new_places(dispersion):
    """Fitted on 16 places, 95 % intervals hold about 95 % of new ones, over 150 regions."""
    hits = []
    for seed in range(150):
        exposure, counts = draw(26, 80, dispersion, seed)
        fitted = calibration.calibrate(exposure[:16], counts[:16])
        found = calibration.validate(fitted, exposure[16:], counts[16:])
        hits.append(found.coverage)
    assert 0.93 <= np.mean(hits) <= 0.985


def test_region_spread_widens():
    """Elsewhere the factor is not known: intervals open, the middle stays."""
    exposure, counts = draw(30, 80, 0.2, 5)
    fitted = calibration.calibrate(exposure, counts)
    here = fitted.predict(exposure)
    elsewhere = fitted.predict(exposure, region_spread=1.0)
    assert (elsewhere[2] - elsewhere[0] > here[2] - here[0]).all()
    np.testing.assert_allclose(np.median(elsewhere[1] / here[1]), 1, atol=0.1)


def test_leave_one_out_does_not_see_the_place():
    """A place's prediction does not move with its own count."""
    exposure, counts = draw(12, 50, 0.2, 6)
    changed = counts.copy()
    changed[4] *= 20
    before = calibration.leave_one_out(exposure, counts).predicted
    after = calibration.leave_one_out(exposure, changed).predicted
    assert before[4] == after[4]
    assert (before[:4] != after[:4]).all()


def test_deviances_equal_their_definition():
    """Twice the log likelihood lost against the saturated model, by scipy's laws."""
    counts, mean, alpha = np.array([0, 3, 40]), np.array([1.5, 2.0, 55.0]), 0.4
    poisson = 2 * (stats.poisson.logpmf(counts, np.maximum(counts, 1e-300))
                   - stats.poisson.logpmf(counts, mean)).sum()  # fmt: skip
    size = 1 / alpha
    binomial = [stats.nbinom.logpmf(counts, size, size / (size + m)) for m in
                (np.maximum(counts, 1e-300), mean)]  # fmt: skip
    assert calibration.poisson_deviance(counts, mean) == pytest.approx(poisson)
    actual = calibration.negative_binomial_deviance(counts, mean, alpha)
    assert actual == pytest.approx(2 * (binomial[0] - binomial[1]).sum())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0, -1], [1, 2, 3]), "2 of 3 expectations"),
        (([1, 2], [1, 2]), "3 places or more"),
        (([1, 2, 3], [0, 0, 0]), "all 0"),
        (([1, 2, 3], [1, 2, 3], [[1], [0], [2]]), "above 0"),
    ],
)
def test_what_cannot_be_calibrated(arguments, message):
    """Impossible input is refused and counted."""
    with pytest.raises(ParameterError, match=message):
        calibration.calibrate(*arguments)


def test_covariates_are_asked_for_as_fitted():
    """Predicting without the terms that were fitted is refused."""
    fitted = calibration.calibrate([1, 2, 3, 4], [1, 2, 3, 5], [[1], [2], [3], [5]])
    with pytest.raises(ParameterError, match="0 covariates were given, 1 were fitted"):
        fitted.mean([1.0])


def test_shares_of_outflow_tell_prefectures_apart():
    """Committed facts only: Wuhan's mean shares of outflow against cases by 29 February."""
    share = pd.read_csv(COMMITTED / "wuhan_outflow_share.csv", dtype={"adcode": str})
    official = pd.read_csv(COMMITTED / "official_confirmed.csv", index_col="date")
    observed = official.loc["2020-02-29"].rename("confirmed")
    both = share.set_index("adcode").join(observed, how="inner").query("mean_share > 0")
    assert len(both) >= 15
    actual = calibration.leave_one_out(both["mean_share"], both["confirmed"])
    flat = both["confirmed"].to_numpy(float)
    others = (flat.sum() - flat) / (len(flat) - 1)
    assert actual.spearman > 0.85
    assert actual.poisson_deviance < 0.12 * calibration.poisson_deviance(flat, others)
    assert actual.coverage >= 0.9


# --- larger public sources ---------------------------------------------------------------


def exchange(real, until="2020-01-23"):
    """Daily index of travel out of Wuhan and back, by place, up to the closing of the city."""
    share = pd.read_csv(real / "baidu_wuhan_od_share.csv", dtype={"adcode": str})
    scale = pd.read_csv(real / "baidu_migration_scale.csv")
    joined = share[share["date"] <= until].merge(scale, on="date")
    index = joined["share"] * joined["wuhan_out"].where(
        joined["direction"] == "out", joined["wuhan_in"]
    )
    table = joined.assign(index=index).pivot_table(
        index="date", columns=["direction", "adcode"], values="index", aggfunc="sum", fill_value=0
    )
    return table["out"], table["in"]


@pytest.fixture(scope="module")
def prefectures():
    """Flows and counts of Hubei's 16 prefectures besides Wuhan."""
    real = Path(os.environ["WORKBENCH_SHARED"]) / "data" / "real"
    outward, inward = exchange(real)
    daily = pd.read_csv(real / "hubei_prefecture_daily.csv", dtype={"adcode": str})
    counts = daily[daily["date"] == "2020-02-29"].set_index("adcode")["confirmed"].drop("420100")
    assert len(counts) == 16
    return real, outward, inward, counts


@pytest.mark.real
def test_plain_outflow_gives_the_known_figures(prefectures):
    """Spearman 0.906; leave-one-out deviance 1,063 against 12,573 for the mean."""
    _, outward, _, counts = prefectures
    exposure = outward[counts.index].sum()
    assert stats.spearmanr(exposure, counts).statistic == pytest.approx(0.906, abs=5e-4)
    actual = calibration.leave_one_out(exposure, counts)
    assert actual.poisson_deviance == pytest.approx(1063, abs=4)
    assert actual.spearman == pytest.approx(0.885, abs=5e-4)
    mean = (counts.sum() - counts) / 15
    assert calibration.poisson_deviance(counts, mean) == pytest.approx(12_573, abs=1)


@pytest.mark.real
def test_exchange_weighted_by_prevalence_predicts_better(prefectures):
    """
    Travel both ways, weighted by the epidemic's growth: 1,044 and 0.891, leave one out.

    Both beat plain outflow made the same way (1,063 and 0.885). On 16 places the gain is
    small; ranks in sample are not better (0.891 against 0.906).
    """
    _, outward, inward, counts = prefectures
    weight = importation.growing(GROWTH, len(outward))
    exposure = weight @ (outward[counts.index] + inward[counts.index])
    actual = calibration.leave_one_out(exposure, counts)
    assert actual.poisson_deviance < 1050
    assert actual.spearman == pytest.approx(0.891, abs=5e-4)
    assert actual.negative_binomial_deviance < 13.5
    assert actual.coverage == 1.0  # of 95 % intervals, 16 of 16
    assert calibration.leave_one_out(exposure, counts, level=0.8).coverage == 13 / 16


def by_province(real, exposure):
    """Exposure and cases by 29 February of the provinces besides Hubei that have any."""
    share = pd.read_csv(real / "baidu_wuhan_od_share.csv", dtype=str)[["adcode", "province"]]
    province = share.drop_duplicates().set_index("adcode")["province"].str[:2]
    daily = pd.read_csv(real / "china_province_daily.csv")
    observed = daily[daily["date"] == "2020-02-29"].set_index("province")["confirmed"]
    observed.index = observed.index.str[:2]
    both = pd.concat({"x": exposure.groupby(province).sum(), "y": observed}, axis=1)
    return both.dropna().drop("湖北").query("x > 0")


@pytest.mark.real
def test_calibration_does_not_transfer(prefectures):
    """Hubei's factor, taken to other provinces, predicts half of what was seen; ranks transfer."""
    real, outward, _, counts = prefectures
    fitted = calibration.calibrate(outward[counts.index].sum(), counts)
    both = by_province(real, outward.sum())
    assert len(both) == 27
    naive = calibration.validate(fitted, both["x"], both["y"])
    assert naive.ratio == pytest.approx(2.03, abs=0.01)
    assert naive.coverage < 0.3
    assert naive.spearman == pytest.approx(0.916, abs=5e-4)
    wide = calibration.validate(fitted, both["x"], both["y"], region_spread=1.0)
    assert wide.coverage == pytest.approx(24 / 27)


@pytest.mark.real
def test_calibrated_anew_elsewhere(prefectures):
    """Fitted on the provinces themselves, 25 of 27 counts lie in their 95 % intervals."""
    real, outward, inward, _ = prefectures
    both = by_province(real, outward.sum().add(inward.sum(), fill_value=0))
    actual = calibration.leave_one_out(both["x"], both["y"])
    assert actual.coverage == pytest.approx(25 / 27)
    assert actual.spearman == pytest.approx(0.905, abs=5e-4)
    assert actual.poisson_deviance == pytest.approx(3_757, abs=5)
    mean = (both["y"].sum() - both["y"]) / (len(both) - 1)
    assert calibration.poisson_deviance(both["y"], mean) == pytest.approx(9_550, abs=1)
