"""Two provinces' files as published: what is found, and the official figures that result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analytics.analysis.incidence import repair

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]


def real():
    return Path(os.environ["WORKBENCH_SHARED"]) / "data" / "real"


@pytest.fixture(scope="module")
def hubei():
    rows = pd.read_csv(real() / "hubei_daily_asis_canghailan.csv", dtype={"cityCode": str})
    return repair.repair(rows)


@pytest.fixture(scope="module")
def guangdong():
    rows = pd.read_csv(real() / "guangdong_daily_asis_canghailan.csv", dtype={"cityCode": str})
    return repair.repair(rows)


def wide(found, series):
    """Cumulative counts (days, areas)."""
    table = found.counts[found.counts["series"] == series]
    return table.pivot_table(index="date", columns="adcode", values="cumulative", dropna=False)


def test_official_figures_result(hubei):
    """29 Feb: Wuhan 49,122, Hubei 66,907; after the revision 50,333, 68,128 and 4,512 dead."""
    confirmed, deaths = wide(hubei, "confirmed"), wide(hubei, "deaths")
    assert confirmed.loc["2020-02-29", ["420100", "420000"]].tolist() == [49_122, 66_907]
    assert confirmed.loc["2020-02-29"].drop("420000").sum() == 66_907
    assert confirmed.loc["2020-04-16", ["420100", "420000"]].tolist() == [50_333, 68_128]
    assert confirmed.loc["2020-04-16"].drop("420000").sum() == 68_128
    assert deaths.loc["2020-04-16", "420000"] == 4_512
    assert deaths.loc["2020-04-16"].drop("420000").sum() == 4_512


def test_counts_equal_the_date_corrected_series(hubei):
    """Every prefecture and day of the series that was corrected by hand."""
    table = pd.read_csv(real() / "hubei_prefecture_daily.csv", dtype={"adcode": str})
    table["date"] = pd.to_datetime(table["date"])
    for column, series in (("confirmed", "confirmed"), ("dead", "deaths"), ("cured", "recovered")):
        expected = table.pivot_table(index="date", columns="adcode", values=column, dropna=False)
        actual = wide(hubei, series).reindex(index=expected.index, columns=expected.columns)
        both = expected.notna() & actual.notna()
        assert both.to_numpy().mean() > 0.8 * expected.notna().to_numpy().mean()
        pd.testing.assert_frame_equal(
            actual.where(both), expected.where(both), check_dtype=False, check_freq=False
        )


def test_definition_changes_and_revision_are_found(hubei):
    """12 February in many areas, 16 April in Wuhan; neither is set anywhere."""
    changed = hubei.corrections.query("kind == 'definition_change'")
    assert changed["first_date"].unique().tolist() == [pd.Timestamp("2020-02-12")]
    assert {"420000", "420100"} <= set(changed["adcode"])
    steps = hubei.corrections.query("kind == 'reporting_step' and adcode == '420100'")
    assert (steps["first_date"] == pd.Timestamp("2020-04-16")).all()
    assert steps.set_index("series")["amount"].to_dict() == {"confirmed": 326, "deaths": 1_290}
    wuhan = hubei.incidence.query("adcode == '420100' and series == 'confirmed'")
    daily = wuhan.set_index("date")["new"]
    assert daily["2020-02-12"] < 1.5 * daily["2020-02-11"]
    assert daily["2020-04-16"] == 0


def test_lags_of_hubei(hubei):
    """One day late from 7 February on, confirmed, deaths and recovered alike."""
    lags = hubei.residual.pivot_table(index="date", columns="series", values="lag", dropna=False)
    assert (lags.loc["2020-02-08":"2020-03-31"] == 1).all(axis=None)
    assert (lags.loc["2020-01-25":"2020-02-05", ["confirmed", "deaths"]] == 0).all(axis=None)
    assert (lags["confirmed"].loc["2020-05-09":"2020-05-20"] == 0).all()


def test_lags_of_guangdong_differ(guangdong):
    """The lag starts, ends and starts again; recovered stays undecided for weeks."""
    lags = guangdong.residual.pivot_table(
        index="date", columns="series", values="lag", dropna=False
    )
    confirmed = lags["confirmed"]
    assert (confirmed.loc["2020-01-21":"2020-02-05"] == 0).all()
    assert (confirmed.loc["2020-02-08":"2020-03-01"] == 1).all()
    assert (confirmed.loc["2020-03-04":"2020-03-10"] == 0).all()
    assert (confirmed.loc["2020-03-16":"2020-04-26"] == 1).all()
    assert lags["recovered"].loc["2020-02-01":"2020-03-15"].isna().all()


@pytest.mark.parametrize("province", ["hubei", "guangdong"])
def test_incidence_keeps_every_case(province, request):
    """Never negative, and summing to the last published count of every area and series."""
    found = request.getfixturevalue(province)
    assert (found.incidence["new"] >= 0).all()
    keys = ["series", "adcode"]
    sums = found.incidence.groupby(keys)["new"].sum()
    last = found.counts.dropna().groupby(keys)["cumulative"].last()
    pd.testing.assert_series_equal(sums, last, check_names=False)


@pytest.mark.parametrize("province", ["hubei", "guangdong"])
def test_a_repaired_file_needs_no_repair(province, request):
    """What was repaired is published again and holds nothing more to repair."""
    found = request.getfixturevalue(province).incidence.copy()
    own = found["adcode"].str.endswith("0000")
    code = found.loc[own, "adcode"].iloc[0]
    found["total"] = found.groupby(["series", "adcode"])["new"].cumsum()
    areas = found[~own].pivot_table(index=["date", "adcode"], columns="series", values="total")
    province_rows = areas.groupby("date").sum().assign(adcode=None).reset_index()
    rows = pd.concat([province_rows, areas.reset_index()])
    rows["city"] = rows["cityCode"] = rows.pop("adcode")
    rows = rows.rename(columns={"recovered": "cured", "deaths": "dead"})
    assert repair.repair(rows.assign(provinceCode=code)).corrections.empty


def test_the_account_is_current():
    """docs/repair.md is what the tool writes today."""
    written = subprocess.run(
        [sys.executable, ROOT / "tools" / "repair_account.py", real()],
        capture_output=True, check=True,
    )  # fmt: skip
    assert written.stdout.decode() == (ROOT / "docs" / "repair.md").read_text(encoding="utf-8")
