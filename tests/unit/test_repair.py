"""What repair finds in a published file, fault by fault."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analytics.analysis.incidence import areas, gaps, repair, steps
from analytics.errors import ContractError

DAYS = 60
AREAS = {
    "510100": "甲市",
    "510300": "乙市",
    "510400": "丙市",
    "510500": "丁山土族自治州",
    "510600": "戊市",
}
START = pd.Timestamp("2020-01-10")


def epidemic(seed=0, days=DAYS):
    """True cumulative counts (days, areas) of five outbreaks of different size."""
    random = np.random.default_rng(seed)
    peak = random.uniform(20, 35, size=5)
    height = random.uniform(15, 60, size=5)
    rate = height * np.exp(-(((np.arange(days)[:, None] - peak) / 10) ** 2))
    return random.poisson(rate).cumsum(axis=0)


def publish(truth, lag=None, recovered_lag=None, unassigned=0):
    """As-is file: the areas' rows stamped ``lag`` days late (one lag a day)."""
    days = len(truth)
    calendar = pd.date_range(START, periods=days)
    recovered = np.vstack([np.zeros((10, truth.shape[1])), truth[:-10] // 2])
    rows = []
    for day in range(days):
        total = truth[day].sum() + unassigned
        rows.append((calendar[day], None, None, total, recovered[day].sum(), day // 9))
        for area, (code, name) in enumerate(AREAS.items()):
            late, later = (0 if one is None else one[day] for one in (lag, recovered_lag))
            dead = day // 9 if area == 0 else 0
            rows.append(
                (
                    calendar[day],
                    name,
                    code,
                    truth[max(day - late, 0), area],
                    recovered[max(day - later, 0), area],
                    dead,
                )
            )
    columns = ["date", "city", "cityCode", "confirmed", "cured", "dead"]
    return pd.DataFrame(rows, columns=columns).assign(province="丑省", provinceCode="510000")


def grid(found, series="confirmed"):
    """Repaired cumulative counts (days, areas), the province's column left out."""
    table = found.counts[found.counts["series"] == series]
    wide = table.pivot_table(index="date", columns="adcode", values="cumulative", dropna=False)
    return wide[list(AREAS)]


def kinds(found):
    """Kinds of correction found, each once."""
    return set(found.corrections["kind"])


def test_a_sound_file_needs_nothing():
    """No fault, no correction, and the incidence is the file's own."""
    truth = epidemic()
    found = repair.repair(publish(truth))
    assert found.corrections.empty
    wide = found.incidence.query("series == 'confirmed'").pivot_table(
        index="date", columns="adcode", values="new"
    )
    expected = np.diff(truth, axis=0, prepend=0)
    np.testing.assert_array_equal(wide[list(AREAS)].to_numpy(), expected)
    assert (found.residual["residual"] == 0).all()


@pytest.mark.parametrize(("late", "start", "end"), [(1, 18, 60), (1, 0, 60), (2, 15, 40)])
def test_a_reporting_lag_is_found_where_it_is(late, start, end):
    """A lag that starts, ends, or was always there is taken out; recovered has none."""
    truth = epidemic()
    lag = np.where((np.arange(DAYS) >= start) & (np.arange(DAYS) < end), late, 0)
    found = repair.repair(publish(truth, lag))
    wide = grid(found).to_numpy()
    moved = found.residual.query("series == 'confirmed'")["lag"]
    inside = moved.iloc[start : end - late].dropna()
    assert (inside == late).all()
    assert len(inside) >= 0.8 * (end - late - start)
    known = ~np.isnan(wide)
    assert (wide == truth)[known].mean() > 0.96
    assert (found.residual.query("series == 'recovered'")["lag"].dropna() == 0).all()


def test_series_do_not_share_a_lag():
    """Recovered two days late from day 25, confirmed on time."""
    lag = np.where(np.arange(DAYS) >= 25, 2, 0)
    found = repair.repair(publish(epidemic(), None, lag))
    assert (found.residual.query("series == 'confirmed'")["lag"].dropna() == 0).all()
    late = found.residual.query("series == 'recovered'")["lag"].iloc[30:50]
    assert (late == 2).sum() >= 15


def test_a_lag_without_evidence_is_undecided():
    """Areas half a day out of step fit neither lag: as published, and said so."""
    truth = epidemic()
    rows = publish(truth)
    half = (truth + np.vstack([np.zeros((1, 5)), truth[:-1]])) // 2
    rows.loc[rows["city"].notna(), "confirmed"] = half.ravel()
    found = repair.repair(rows)
    lags = found.residual.query("series == 'confirmed'")["lag"].to_numpy()
    assert pd.isna(lags[4:45]).all()
    np.testing.assert_array_equal(grid(found).to_numpy()[4:45], half[4:45])
    note = found.corrections.query("kind == 'reporting_lag' and not decided")
    assert note["series"].tolist()[0] == "confirmed"
    flagged = found.incidence.query("series == 'confirmed' and adcode != '510000'")
    assert flagged.groupby("date")["lag_undecided"].all().sum() > 20


def test_areas_are_told_from_what_is_none():
    """A pseudo-area stays in the province; a variant of a name finds its code."""
    rows = publish(epidemic(), unassigned=7)
    prison = pd.DataFrame(
        [(day, "监狱系统", "5100y0", 7, 0, 0) for day in rows["date"].unique()],
        columns=["date", "city", "cityCode", "confirmed", "cured", "dead"],
    ).assign(province="丑省", provinceCode="510000")
    rows = pd.concat([rows, prison])
    early = rows["city"].eq("丁山土族自治州") & (rows["date"] < "2020-02-01")
    rows.loc[early, ["city", "cityCode"]] = ["丁山州", None]
    found = repair.repair(rows)
    listed = found.corrections.set_index("kind")["name"].to_dict()
    assert listed == {"pseudo_area": "监狱系统", "naming_variant": "丁山州"}
    assert set(found.incidence["adcode"]) == {"510000", *AREAS}
    assert (found.residual["residual"] == 0).all()


@pytest.mark.parametrize("name", ["温州市", "温州"])
def test_a_short_name_that_ends_like_a_kind_of_area_is_still_one(name):
    """州 belongs to 温州 as it does to 广州 or 郑州; in 恩施州 it is the kind."""
    known = {"330300": "温州市", "331000": "台州市", "422800": "恩施土家族苗族自治州"}
    assert areas.variant(name, known) == "330300"
    assert areas.variant("恩施州", known) == "422800"
    assert areas.variant("州", known) is None


@pytest.mark.parametrize("written", ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%dT00:00:00"])
def test_dates_are_read_year_first_however_they_are_parted(written):
    rows = publish(epidemic())
    said = rows.assign(date=rows["date"].dt.strftime(written))
    pd.testing.assert_frame_equal(repair.repair(said).incidence, repair.repair(rows).incidence)


def test_two_rows_that_contradict_each_other_are_unknown():
    """Neither is taken; the day's cases stay in the sum of the days around it."""
    truth = epidemic()
    rows = publish(truth)
    there = rows["cityCode"].eq("510100") & rows["date"].eq(START + pd.Timedelta(days=30))
    other = rows[there].assign(confirmed=rows.loc[there, "confirmed"] + 20)
    found = repair.repair(pd.concat([rows, other]))
    (torn,) = found.corrections.query("kind == 'contradictory_rows'").to_dict("records")
    assert (torn["adcode"], torn["amount"], torn["decided"]) == ("510100", 1, False)
    assert "retraction" not in kinds(found)
    assert grid(found)["510100"].iloc[-1] == truth[-1, 0]


def test_a_row_told_twice_alike_counts_once():
    rows = publish(epidemic())
    found = repair.repair(pd.concat([rows, rows[rows["cityCode"].eq("510100")].iloc[30:31]]))
    assert kinds(found) == {"duplicate_row"}
    assert found.corrections["decided"].all()


def test_a_region_table_decides_what_is_an_area():
    """A code that looks right but is not in the table is no area."""
    found = repair.repair(publish(epidemic()), regions={"510100": "甲市", "510300": "乙市"})
    assert found.corrections["kind"].tolist() == ["pseudo_area"] * 3
    assert set(found.incidence["adcode"]) == {"510000", "510100", "510300"}
    assert (found.residual["residual"] == 0).all()


def test_dated_counts_are_repaired_alone():
    """A grid already on its days, without a province's row, gets the same incidence."""
    rows = publish(epidemic())
    whole = repair.repair(rows)
    found, listed = repair.dated(grid(whole))
    expected = whole.incidence.query("series == 'confirmed' and adcode != '510000'")
    assert listed.empty
    np.testing.assert_array_equal(found["new"], expected["new"])


def test_a_county_beside_its_prefecture_counts_once():
    """Left out where the province's own count says it is in its prefecture's row."""
    truth = epidemic()
    rows = publish(truth)
    county = pd.DataFrame(
        [(day, "寅县", "510122", truth[at, 0] // 3, 0, 0) for at, day in
         enumerate(rows["date"].unique())],
        columns=["date", "city", "cityCode", "confirmed", "cured", "dead"],
    ).assign(province="丑省", provinceCode="510000")  # fmt: skip
    found = repair.repair(pd.concat([rows, county]))
    assert found.corrections["kind"].tolist() == ["double_counted"]
    assert "510122" not in set(found.incidence["adcode"])
    apart = rows.copy()
    apart.loc[apart["city"].isna(), "confirmed"] += truth[:, 0] // 3
    kept = repair.repair(pd.concat([apart, county]))
    assert "510122" in set(kept.incidence["adcode"])
    assert kept.corrections.empty


def test_a_gap_shares_its_step_as_the_province_grew():
    """Three days without an area's row: their cases are spread, none is lost."""
    truth = epidemic()
    rows = publish(truth)
    lost = rows["city"].eq("甲市") & rows["date"].between("2020-01-30", "2020-02-01")
    found = repair.repair(rows[~lost])
    assert kinds(found) == {"missing_days"}
    own = found.incidence.query("series == 'confirmed' and adcode == '510100'")
    assert own["new"].sum() == truth[-1, 0]
    assert own.query("imputed")["date"].tolist() == list(pd.date_range("2020-01-30", periods=4))
    assert (own.query("imputed")["new"] > 0).all()


def test_zeros_of_a_missing_breakdown_are_unknown():
    """Recovered not broken down on four days: no fall and no jump of an area."""
    rows = publish(epidemic())
    hidden = rows["city"].notna() & rows["date"].between("2020-02-05", "2020-02-08")
    rows.loc[hidden, "cured"] = 0
    found = repair.repair(rows)
    assert kinds(found) == {"not_broken_down"}
    assert grid(found, "recovered").loc["2020-02-05":"2020-02-08"].isna().all(axis=None)
    assert (found.incidence["retracted"] == 0).all()


def test_a_column_that_stood_still_is_unknown():
    """The province's recovered column stops for eight days, the areas' rows go on."""
    rows = publish(epidemic())
    stopped = rows["city"].isna() & rows["date"].between("2020-02-10", "2020-02-17")
    rows.loc[stopped, "cured"] = rows.loc[stopped, "cured"].iloc[0]
    found = repair.repair(rows)
    assert kinds(found) == {"frozen"}
    assert found.corrections["adcode"].tolist() == ["510000"]
    assert found.corrections["first_date"].tolist() == [pd.Timestamp("2020-02-11")]


def test_a_retraction_goes_back_to_the_days_it_retracts():
    """Thirty cases taken back on one day leave no negative day and no fall in the sum."""
    truth = epidemic()
    rows = publish(truth)
    late = rows["city"].eq("甲市") & (rows["date"] >= "2020-02-20")
    rows.loc[late, "confirmed"] -= 30
    rows.loc[rows["city"].isna() & (rows["date"] >= "2020-02-20"), "confirmed"] -= 30
    found = repair.repair(rows)
    taken = found.corrections.query("adcode == '510100'")
    step = 30 - (truth[41, 0] - truth[40, 0])
    assert taken["kind"].tolist() == ["retraction"]
    assert taken["amount"].tolist() == [step]
    own = found.incidence.query("series == 'confirmed' and adcode == '510100'")
    assert own["new"].sum() == truth[-1, 0] - 30
    assert own["new"].min() >= 0
    back = own.loc[own["retracted"] > 0, "date"]
    assert back.min() >= pd.Timestamp("2020-02-06")
    assert own["retracted"].sum() == step


def test_struck_off_and_restored_is_no_news():
    """Two hundred cases gone on one day and back on the next: unknown on that day."""
    rows = publish(epidemic())
    one = rows["city"].eq("甲市") & (rows["date"] == "2020-02-20")
    rows.loc[one, "confirmed"] -= 200
    found = repair.repair(rows)
    assert kinds(found) == {"dip"}
    assert (found.incidence["retracted"] == 0).all()


def test_a_change_of_definition_is_no_growth():
    """All areas jump threefold on one day: spread over the past, growth unchanged."""
    truth = epidemic()
    added = np.zeros_like(truth)
    added[30:] = 4 * (truth[30] - truth[29]) + 40
    found = repair.repair(publish(truth + added))
    changed = found.corrections.query("kind == 'definition_change' and series == 'confirmed'")
    assert set(changed["adcode"]) == {"510000", *AREAS}
    assert (changed["first_date"] == START + pd.Timedelta(days=30)).all()
    own = found.incidence.query("series == 'confirmed' and adcode == '510100'")
    new = own["new"].to_numpy()
    assert new.sum() == (truth + added)[-1, 0]
    before = np.diff(truth[:, 0], prepend=0)
    ratio = new[15:30] / before[15:30]
    assert ratio.max() / ratio.min() < 1.25
    assert new[30] < 2 * max(new[29], new[31])


def test_a_declared_change_is_spread_where_evidence_would_not_do():
    """A study declares a small step in one area as a change of definition."""
    truth = epidemic()
    truth[35:, 0] += 60
    change = SimpleNamespace(
        day=(START + pd.Timedelta(days=35)).date(), series=("confirmed",), areas=("510100",)
    )
    plain = repair.repair(publish(truth))
    told = repair.repair(publish(truth), changes=[change])
    assert "definition_change" not in kinds(plain)
    listed = told.corrections.query("kind == 'definition_change'")
    assert listed["adcode"].tolist() == ["510100"]
    assert listed["evidence"].str.startswith("declared").all()


def test_an_outbreak_that_goes_on_is_growth():
    """From nothing to forty a day and on: nothing is spread."""
    daily = np.r_[np.zeros(30), np.full(30, 40)].astype(int)
    assert not steps.alone(daily.astype(float)).any()
    batch = np.r_[np.zeros(30), 40, np.zeros(29)]
    assert np.flatnonzero(steps.alone(batch)).tolist() == [30]


def test_shares_are_whole_and_complete():
    """Largest remainders: 10 in proportion 1 : 1 : 1 is 4, 3, 3; nothing to go by is even."""
    assert gaps.apportion(10, np.array([1.0, 1, 1])).tolist() == [4, 3, 3]
    assert gaps.apportion(3, np.array([0.0, 0, 0])).tolist() == [1, 1, 1]
    assert gaps.apportion(7, np.array([5.0, 0, 2])).tolist() == [5, 0, 2]


def test_a_jump_is_told_from_growth_on_the_day_itself():
    """After weeks of steady days six times as many is no growth; daily doubling may be."""
    steady = np.r_[np.full(30, 100.0), 650]
    doubling = np.r_[np.zeros(18), np.round(2.0 ** np.arange(12)), 2.0**12]
    assert steps.alone(steady)[-1]
    assert not steps.alone(doubling).any()


def test_counts_that_are_none_are_unknown():
    """Text and numbers below 0 among the counts: unknown on those days, and listed."""
    truth = epidemic()
    rows = publish(truth).astype({"confirmed": object})
    rows.loc[rows["city"].eq("甲市") & (rows["date"] == "2020-02-03"), "confirmed"] = "many"
    rows.loc[rows["city"].eq("甲市") & (rows["date"] == "2020-02-07"), "confirmed"] = -5
    found = repair.repair(rows)
    listed = found.corrections.set_index("kind")["amount"]
    assert listed["unreadable_count"] == 2
    own = found.incidence.query("series == 'confirmed' and adcode == '510100'")
    assert own["new"].sum() == truth[-1, 0]
    assert own["new"].min() >= 0


@pytest.mark.parametrize("part", ["province alone", "areas alone", "one area"])
def test_parts_of_a_file_are_repaired_too(part):
    """A province without areas, areas without their province, one area: sums are kept."""
    truth = epidemic()
    rows = publish(truth)
    kept = {"province alone": rows["city"].isna(), "areas alone": rows["city"].notna(),
            "one area": rows["city"].isna() | rows["city"].eq("甲市")}[part]  # fmt: skip
    found = repair.repair(rows[kept])
    confirmed = found.incidence.query("series == 'confirmed'").groupby("adcode")["new"].sum()
    expected = {"510000": truth[-1].sum(), **dict(zip(AREAS, truth[-1], strict=True))}
    for adcode in rows.loc[kept, "cityCode"].fillna("510000").unique():
        assert confirmed[adcode] == expected[adcode]


def test_codes_may_be_numbers_or_categories():
    """How a reader typed the columns does not matter."""
    rows = publish(epidemic())
    numbers = rows.assign(cityCode=pd.to_numeric(rows["cityCode"]), provinceCode=510000)
    categories = rows.astype({"city": "category", "cityCode": "category"})
    expected = repair.repair(rows).incidence
    for other in (numbers, categories):
        pd.testing.assert_frame_equal(repair.repair(other).incidence, expected)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda rows: rows.drop(columns=["cured", "dead"]), "'dead' is missing"),
        (lambda rows: rows.assign(provinceCode=["510000", "420000"] * 180), "2 provinces"),
        (lambda rows: rows.iloc[:0], "it has no rows"),
        (lambda rows: rows.assign(date="soon"), "360 row.s. have no date as 2020-02-29"),
        (
            lambda rows: rows.assign(date=rows["date"].dt.strftime("%d/%m/%Y")),
            "360 row.s. have no date .*; the first is row 1",
        ),
        (
            lambda rows: rows.assign(
                confirmed=rows.groupby("city", dropna=False)["confirmed"].diff().fillna(0)
            ),
            "falls on .* of 59 days",
        ),
    ],
)
def test_a_file_that_is_none_is_refused(wrong, says):
    """What cannot be read is named, not guessed."""
    with pytest.raises(ContractError, match=says):
        repair.repair(wrong(publish(epidemic())))
