"""Where an origin's travellers would carry infections: the figures behind the channel report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics import codes
from analytics.analysis.channel import exports, mobility, whatif
from analytics.analysis.channel import register as registers
from analytics.errors import ParameterError
from analytics.methods import gates

FloatArray = npt.NDArray[np.float64]
RECENT = 7  # days of shares averaged
TREND = 14
Source = Literal["mobility", "outflow", "none"]
# Share of exposures known to the rules of a code: few, most; assumed ends, unverified.
DETECTION = (0.2, 0.8)


@dataclass(frozen=True)
class Pressure:
    """
    What an origin's travellers would carry away, for a number of them.

    Parameters
    ----------
    origin : str
    as_of : date
    travellers : int
        People leaving that all figures are for.
    source : {"mobility", "outflow", "none"}
        Where the destinations' shares come from: recent daily shares, a mean of shares before
        the study, or nowhere.
    broken : int
        Days of shares left out because their table was another one.
    days : tuple of date or None
        First and last day of the daily shares averaged; None where others are taken.
    prevalence : array (draws,)
        Share of the residents who are infectious.
    destinations : pandas.DataFrame
        As `exports.importations` gives it, prefectures of the origin's province one by one, other
        provinces as wholes, and ``elsewhere`` for what the source does not list.
    totals : pandas.DataFrame
        date, mean, lower, median, upper [infected among the travellers], the last days.
    """

    origin: str
    as_of: date
    travellers: int
    source: Source
    broken: int
    days: tuple[date, date] | None
    prevalence: FloatArray
    destinations: pd.DataFrame
    totals: pd.DataFrame


def assess(
    counts: pd.DataFrame,
    population: pd.DataFrame,
    outflow: pd.DataFrame,
    shares: pd.DataFrame,
    as_of: date,
    *,
    origin: str = "",
    travellers: int = 10_000,
    redefined: Sequence[date] = (),
) -> Pressure:
    """
    Assess what an origin's travellers would carry away.

    Parameters
    ----------
    counts : COUNTS table
        Cumulative, by prefecture.
    population : pandas.DataFrame
        adcode, population.
    outflow : pandas.DataFrame
        adcode, mean_share: of those who left before the study; may be empty.
    shares : MOBILITY_SHARES table
        May be empty; its last days are taken, of `mobility.busy` if the way is closed.
    as_of : date
    origin : str
        Prefecture; empty: the one with most cases.
    travellers : int
    redefined : sequence of date
        Days on which the definition of a case changed: their steps are of reporting, and are
        filled by the days around them.

    Returns
    -------
    Pressure

    Raises
    ------
    ParameterError
        If the origin has no counts or no residents.
    """
    known = counts[counts["date"] <= pd.Timestamp(as_of)]
    place = origin or _most(known)
    residents = population.loc[population["adcode"] == place, "population"]
    new = _new_cases(known, place, redefined)
    if new.dropna().empty or residents.empty:
        raise ParameterError(
            f"prevalence in '{place}' cannot be assessed",
            [f"{int(new.notna().sum())} days counted, {len(residents)} census rows"],
            f"choose one of {', '.join(sorted(known['adcode'].unique()))}",
        )
    days = [as_of - timedelta(days=back) for back in range(TREND - 1, -1, -1)]
    days = [day for day in days if pd.Timestamp(day) >= new.index.min()]
    drawn = {day: exports.prevalence(new, float(residents.iloc[0]), day) for day in days}
    totals = pd.DataFrame(
        [exports.total(drawn[day], travellers=travellers) for day in days],
        columns=["mean", "lower", "median", "upper"],
    ).assign(date=days)
    daily = _daily(shares, place, as_of)
    spread = daily.mean if daily else _before(outflow, place)
    source: Source = "mobility" if daily else "none" if outflow.empty else "outflow"
    found = exports.importations(_areas(spread, place), drawn[as_of], travellers=travellers)
    broken, used = (daily.broken, daily.days) if daily else (0, None)
    return Pressure(place, as_of, travellers, source, broken, used, drawn[as_of], found, totals)


def _new_cases(counts: pd.DataFrame, area: str, redefined: Sequence[date]) -> pd.Series:
    """Derive new cases by day; a day on which the definition changed counts as not published."""
    new = exports.new_cases(counts, area)
    return new.mask(new.index.isin(pd.DatetimeIndex(list(redefined))))


def prevalence(
    counts: pd.DataFrame,
    population: pd.DataFrame,
    as_of: date,
    *,
    redefined: Sequence[date] = (),
) -> dict[str, float]:
    """
    Estimate the share of the residents who are infectious, for every place that has counts.

    Parameters
    ----------
    counts : COUNTS table
        Cumulative, by prefecture.
    population : pandas.DataFrame
        adcode, population.
    as_of : date
    redefined : sequence of date
        As in :func:`assess`.

    Returns
    -------
    dict of str to float
        Mean of `exports.prevalence`, by adcode; places without residents are left out.
    """
    known = counts[counts["date"] <= pd.Timestamp(as_of)]
    residents = population.drop_duplicates("adcode").set_index("adcode")["population"]
    found = {}
    for place in known["adcode"].unique():
        new = _new_cases(known, place, redefined)
        if place in residents.index and not new.dropna().empty:
            drawn = exports.prevalence(new, float(residents[place]), as_of)
            found[str(place)] = float(drawn.mean())
    return found


def _most(counts: pd.DataFrame) -> str:
    latest = counts.dropna(subset=["confirmed"]).groupby("adcode")["confirmed"].max()
    if latest.empty:
        raise ParameterError("no prefecture has published counts by this day")
    return str(latest.astype("float64").idxmax())


@dataclass(frozen=True)
class _Daily:
    """Mean share by region of the days from the first to the last, and how many were broken."""

    mean: pd.Series
    days: tuple[date, date]
    broken: int


def _daily(shares: pd.DataFrame, origin: str, as_of: date) -> _Daily | None:
    """Shares of the last days whose table is the origin's own; None where there is none."""
    own = shares[(shares["origin"] == origin) & (shares["direction"] == "out")]
    own = own[own["date"] <= pd.Timestamp(as_of)]
    recent = own[own["date"] > own["date"].max() - pd.Timedelta(days=RECENT)]
    if recent.empty:
        return None
    judged = mobility.broken_days(shares[shares["date"] <= pd.Timestamp(as_of)])
    of_origin = (judged["origin"] == origin) & (judged["direction"] == "out")
    bad = recent["date"].isin(judged.loc[of_origin & judged["broken"].astype(bool), "date"])
    good = recent[~bad]
    if good.empty:
        return None
    mean = good.groupby("region")["share"].sum() / good["date"].nunique()
    days = good["date"].min().date(), good["date"].max().date()
    return _Daily(mean, days, recent.loc[bad, "date"].nunique())


def _before(outflow: pd.DataFrame, origin: str) -> pd.Series:
    """Shares of those who left before the study; empty where they are not known."""
    if outflow.empty:
        return pd.Series(dtype="float64")
    mean = outflow.set_index("adcode")["mean_share"].astype("float64")
    return mean.drop(origin, errors="ignore")


def _areas(shares: pd.Series, origin: str) -> pd.Series:
    """Prefectures of the origin's province, other provinces whole, the rest elsewhere."""
    if shares.empty:
        return shares
    home = codes.province_of(origin)
    area = [
        codes.prefecture_of(str(code))
        if codes.province_of(str(code)) == home
        else codes.province_of(str(code))
        for code in shares.index
    ]
    summed = shares.groupby(np.array(area, dtype=object)).sum()
    rest = max(0.0, 1.0 - float(summed.sum()))
    return pd.concat([summed, pd.Series({"elsewhere": rest})]) if rest > 1e-6 else summed  # noqa: PLR2004


def check_plans(pressure: Pressure, sensitivity: float, growth: float = 0.0) -> pd.DataFrame:
    """
    Tell what each plan of checks misses and finds among the travellers.

    Parameters
    ----------
    pressure : Pressure
    sensitivity : float
        Of a temperature check, towards those with symptoms.
    growth : float
        Growth rate of the epidemic at the origin [1/day].

    Returns
    -------
    pandas.DataFrame
        plan (exit, both, code_few, code_most), known [share of exposures known to the code's
        rules], missed, lower, upper [share of infected travellers], found, passed, false_alarms
        [persons among the travellers], predictive [share of the stopped who are infected].

    Notes
    -----
    `gates.screen` with the course of infection of Quilty et al. (2020), a journey of half a day,
    and one false alarm in a hundred at each temperature check.
    """
    first = gates.Check("symptoms", sensitivity, 0.0, 0.01)
    last = gates.Check("symptoms", sensitivity, 0.5, 0.01)
    code = gates.Check("exposure", 0.95, 0.0, 0.0)
    base = gates.QUILTY_COURSE
    rows = []
    for plan, checks, known in (
        ("exit", (first,), 0.0),
        ("both", (first, last), 0.0),
        ("code_few", (first, last, code), DETECTION[0]),
        ("code_most", (first, last, code), DETECTION[1]),
    ):
        course = gates.Course(base.incubation, base.severe_after, base.asymptomatic, known)
        seen = gates.screen(course, checks, 0.5, growth=growth)
        finds = gates.expected_finds(
            seen.missed, float(pressure.prevalence.mean()), checks, pressure.travellers
        )
        rows.append(
            (plan, known, seen.missed, *seen.interval, finds.found, finds.missed,
             finds.false_alarms, finds.predictive_value)
        )  # fmt: skip
    columns = ["plan", "known", "missed", "lower", "upper", "found", "passed", "false_alarms",
               "predictive"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def demand(pressure: Pressure, channel: str = "road") -> pd.DataFrame:
    """
    Lay the travellers out as demand for `whatif.effects`, all on one channel.

    Parameters
    ----------
    pressure : Pressure
    channel : str
        Public figures do not say how people travel.

    Returns
    -------
    DEMAND table
        A row per destination; ``elsewhere`` is no region, so only the way out is controlled.
    """
    table = pressure.destinations
    return pd.DataFrame(
        {
            "origin": pressure.origin,
            "destination": table["destination"],
            "channel": channel,
            "travellers": table["travellers"],
        }
    )


def scenario(
    pressure: Pressure,
    notices: Sequence[registers.Notice],
    changes: pd.DataFrame,
    *,
    channel: str = "road",
    growth: float = 0.0,
    controls: whatif.Controls | None = None,
) -> pd.DataFrame:
    """
    Hold a change of the register against the register, destination by destination.

    Parameters
    ----------
    pressure : Pressure
    notices : sequence of Notice
        That the register is written from.
    changes : REGISTER table
        county, channel, direction, status; in force from the as-of day's end.
    channel : str
        Channel the travellers take.
    growth : float
        Growth rate of the epidemic at the origin [1/day].
    controls : Controls, optional

    Returns
    -------
    pandas.DataFrame
        As `whatif.compare` gives it.

    Raises
    ------
    ParameterError
        If a change names nothing there is.
    """
    register, moment = _registered(pressure, notices)
    changed = registers.change(register, changes.assign(since=moment))
    wanted, draws = demand(pressure, channel), {pressure.origin: pressure.prevalence}
    before, after = (
        whatif.effects(wanted, each, moment, draws, controls) for each in (register, changed)
    )
    return whatif.compare(before, after, growth=growth)


def _registered(
    pressure: Pressure, notices: Sequence[registers.Notice]
) -> tuple[pd.DataFrame, datetime]:
    """Register of the notices for all places of the pressure, and the as-of day's end."""
    areas = [pressure.origin, *pressure.destinations["destination"]]
    areas = [area for area in areas if codes.is_region(area)]
    end = datetime.combine(pressure.as_of + timedelta(days=1), datetime.min.time())
    return registers.register_of(notices, areas), end


def ladder(
    pressure: Pressure,
    notices: Sequence[registers.Notice],
    controls: whatif.Controls | None = None,
) -> pd.DataFrame:
    """
    Tell what each status of all ways out of the origin would do.

    Parameters
    ----------
    pressure : Pressure
    notices : sequence of Notice
        In force by their own times.
    controls : Controls, optional

    Returns
    -------
    pandas.DataFrame
        status, current (bool), moving [travellers], exported, lower, upper [infected], delay [days
        of the median first arrival behind open ways, at as many travellers a day].
    """
    register, moment = _registered(pressure, notices)
    wanted = demand(pressure)
    now = registers.status(register, [pressure.origin], moment)
    way_out = (now["channel"] == "road") & (now["direction"] == "out")
    current = str(now.loc[way_out, "status"].iloc[0])
    draws = {pressure.origin: pressure.prevalence}
    free = pd.DataFrame(columns=list(registers.COLUMNS))
    rows = []
    for status in codes.CONTROLS:
        change = pd.DataFrame(
            [(pressure.origin, "road", "out", moment, status)],
            columns=["county", "channel", "direction", "since", "status"],
        )
        found = whatif.effects(wanted, registers.change(free, change), moment, draws, controls)
        sums = found[["moving", "exported", "lower", "upper"]].sum()
        rows.append({"status": status, "current": status == current, **sums})
    steps = pd.DataFrame(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.log(2) / steps["exported"].to_numpy()
        steps["delay"] = first - first[0]
    return steps
