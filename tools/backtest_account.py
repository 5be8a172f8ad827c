"""
Write docs/backtest.md: short forecasts against what came, beside simple baselines.

    python tools/backtest_account.py FOLDER > docs/backtest.md

FOLDER holds the larger public sources (data/real).
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.analysis.incidence import repair
from analytics.methods import backtest, forecast
from analytics.methods.pooled_forecast import pooled_poisson

ORIGINS = pd.date_range("2020-02-05", "2020-03-15", freq="3D")
LATE = slice(int(ORIGINS.searchsorted(pd.Timestamp("2020-02-16"))), None)
START = "2020-01-10"
BASELINES = ("zero", "repeated week", "decaying week")
MODELS: dict[str, forecast.Model] = {
    "zero": forecast.zero,
    "repeated week": partial(forecast.decaying_week, decay=1.0),
    "decaying week": forecast.decaying_week,
    "damped renewal": forecast.damped_renewal,
    "pooled regression": pooled_poisson,
}
HEAD = """# Short forecasts: what they were worth

Made by `python tools/backtest_account.py`; do not edit. Cases confirmed over the next 7 and 14
days, per area, forecast at {origins} origins every 3 days from 5 February to 15 March 2020. At
every origin the published counts up to that day, put on their day, were repaired with nothing
from later (`repair.dated`), and the outcome is the step of the published cumulative count
(falls count as 0): the reclassification of 12 February and later corrections are in it.

WIS is the weighted interval score (Bracher et al. 2021) over nine levels, mean over areas and
origins; ratio is to the best of the three baselines *at that horizon*, all of which get the
same repaired history. A model is shown in a report only where its ratio is below 1 over all
origins. Coverage is the share of areas and origins inside the central interval. The choices of the
damped renewal (`forecast.Damping`) were made on these same series, so its figures flatter it; areas
with no case have intervals that start at 0 and cannot but cover it.

The pooled regression is scikit-learn's Poisson regression on all areas' lags, learned anew at every
origin from that set's own past (`methods.pooled_forecast`). It is not tuned, learns a decline only
once there was one, and where its ratio is 1 or more it is not shown. Gradient boosted trees on the
same lags were no better (7 days: 1.19, 1.03 and 1.01 of the baseline on the three sets). Mixing
the regression into the damped renewal helped in Hubei after 15 February at 7 days (0.57 against
0.61, weight 0.3) and made it worse everywhere else.

What does not hold: the provinces other than Hubei were to be at 0.65 or less. The outbreaks in
prisons (20 and 21 February) and the cases brought from abroad in March are not in the past of any
province, and no choice of parameters tried came below 0.69 there.
"""


def counts(folder: Path) -> dict[str, pd.DataFrame]:
    """Cumulative confirmed counts (days, areas) of three sets of areas."""
    sets = {}
    for name, title in (
        ("hubei", "Prefectures of Hubei"),
        ("guangdong", "Prefectures of Guangdong"),
    ):
        rows = pd.read_csv(folder / f"{name}_daily_asis_canghailan.csv", dtype={"cityCode": str})
        found = repair.repair(rows).counts.query("series == 'confirmed'")
        wide = found.pivot_table("cumulative", "date", "adcode", dropna=False)
        sets[title] = wide.loc[:, ~wide.columns.str.endswith("0000")]
    rows = pd.read_csv(folder / "china_province_daily.csv", dtype={"provinceCode": str})
    rows["date"] = pd.to_datetime(rows["date"])
    wide = rows.pivot_table("confirmed", "date", "provinceCode", dropna=False).asfreq("D")
    sets["Provinces other than Hubei"] = wide.drop(columns="420000")
    return sets


def score(total: pd.DataFrame) -> backtest.Backtest:
    """Backtest all models on one set of areas."""
    histories, outcomes = [], []
    for origin in ORIGINS:
        known = total.loc[:origin].dropna(axis="columns", how="all")
        incidence, _ = repair.dated(known)
        history = incidence.pivot_table("new", "adcode", "date").loc[:, START:]
        later = total[history.index].ffill().fillna(0)
        ahead = [later.loc[origin + pd.Timedelta(days=days)] for days in forecast.HORIZONS]
        histories.append(history.to_numpy())
        outcomes.append(np.column_stack([(day - later.loc[origin]).clip(lower=0) for day in ahead]))
    return backtest.run(histories, outcomes, MODELS, BASELINES)


def account(title: str, found: backtest.Backtest) -> str:
    """One set's table as markdown."""
    lines = [f"\n## {title}\n"]
    for label, part in (("all origins", slice(None)), ("origins after 15 February", LATE)):
        lines += [
            f"\n{label}\n",
            "| days | model | WIS | ratio | 50 % | 90 % | 95 % | shown |",
            "|-|-|-|-|-|-|-|-|",
        ]
        ratio, shown = found.ratio(part), found.shown()
        for horizon, days in enumerate(found.horizons):
            for at, model in enumerate(found.models):
                wis = found.score[at, part, horizon].mean()
                inside = found.coverage[at, part, horizon].mean(axis=0)
                told = "baseline" if model in BASELINES else str(shown[model][horizon]).lower()
                lines.append(
                    f"| {days} | {model} | {wis:.2f} | {ratio[at, horizon]:.2f} | "
                    + " | ".join(f"{share:.0%}" for share in inside)
                    + f" | {told} |"
                )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the whole account to standard output."""
    parts = [HEAD.format(origins=len(ORIGINS))]
    parts += [account(title, score(total)) for title, total in counts(Path(sys.argv[1])).items()]
    sys.stdout.write("".join(parts))


if __name__ == "__main__":
    main()
