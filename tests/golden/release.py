"""
The release of spring 2020, day by day: writes release_allowed.csv and release_flows.csv.

Who may leave by the notices of hubei-2020, and what would leave Wuhan: of 10,000 people who would
travel, spread over destinations as in January, how many move and how many of them are infected,
with prevalence from the official counts.

    python -m tests.golden.release
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path

import pandas as pd

from analytics import study
from analytics.analysis.channel import exports, register, whatif

HERE = Path(__file__).parent
WUHAN = "420100"
DAYS = [date(2020, 3, 20) + timedelta(days=n) for n in range(24)]


def travellers() -> pd.DataFrame:
    """Every kind of traveller that a notice tells apart."""
    rows = [
        (kind, origin, "440300", "rail", code, test, together)
        for kind, origin, (code, test, together) in product(
            ("resident", "migrant_worker"),
            ("420106", "421003"),
            (
                ("green", False, False),
                ("green", True, False),
                ("green", True, True),
                ("yellow", True, True),
                (None, True, True),
            ),
        )
    ]
    names = ["kind", "origin", "destination", "channel", "code", "negative_test", "point_to_point"]
    return pd.DataFrame(rows, columns=names)


def allowed() -> pd.DataFrame:
    """Verdict on every kind on every day; days without a change are left out."""
    notices = register.read_notices(_folder() / "channel_notices.toml")
    days = [register.allowed(notices, travellers(), day).assign(day=day) for day in DAYS]
    kept = [days[0]]
    for verdicts in days[1:]:
        if not verdicts.drop(columns="day").equals(kept[-1].drop(columns="day")):
            kept.append(verdicts)
    return pd.concat(kept, ignore_index=True)[["day", *kept[0].columns.drop("day")]]


def flows() -> pd.DataFrame:
    """Of 10,000 who would leave Wuhan: who moves and who of them is infected, by day."""
    notices = register.read_notices(_folder() / "channel_notices.toml")
    kept = register.register_of(notices, ["420100", "421000"])
    shares = pd.read_csv(_folder() / "wuhan_outflow_share.csv", dtype={"adcode": str})
    demand = pd.DataFrame(
        {
            "origin": WUHAN,
            "destination": shares["adcode"],
            "channel": "rail",
            "travellers": 10_000 * shares["mean_share"],
        }
    )
    official = pd.read_csv(_folder() / "official_confirmed.csv", parse_dates=["date"])
    counts = official.melt("date", var_name="adcode", value_name="confirmed")
    residents = pd.read_csv(_folder() / "population.csv", dtype={"adcode": str})
    people = float(residents.set_index("adcode").loc[WUHAN, "pop_2020"])
    new = exports.new_cases(counts, WUHAN)
    rows = []
    for day in DAYS:
        if day > date(2020, 4, 12):
            break
        infectious = exports.prevalence(new, people, day)
        noon = datetime(day.year, day.month, day.day, 12)
        found = whatif.effects(demand, kept, noon, {WUHAN: infectious})
        status = found["status"].iloc[0]
        sums = found[["travellers", "moving", "exported", "lower", "upper"]].sum()
        rows.append({"day": day, "status": status, **sums.round(5).to_dict()})
    return pd.DataFrame(rows)


def _folder() -> Path:
    return study.root() / "data" / "hubei-2020"


if __name__ == "__main__":
    allowed().to_csv(HERE / "release_allowed.csv", index=False)
    flows().to_csv(HERE / "release_flows.csv", index=False)
