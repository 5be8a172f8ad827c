"""
Which rows of a published file are areas: codes, names, pseudo-areas, rows counted twice.

Nothing is dropped silently: what is no area goes on as "unassigned" (it counts in the
province, not in any area), and every decision is a row of CORRECTIONS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.errors import ContractError

if TYPE_CHECKING:
    from analytics.analysis.incidence.corrections import Log

COLUMNS = ("date", "provinceCode", "city", "cityCode", "confirmed", "cured", "dead")
SERIES = {"confirmed": "confirmed", "cured": "recovered", "dead": "deaths"}
_SUFFIX = re.compile(r"(?:自治[州县区]|地区|林区|新区|[市州盟县区])$")
_DAY = re.compile(
    r"(?P<year>\d{4})(?:[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})|(?P<digits>\d{4}))"
    r"(?:[T ].*)?"
)
_FEWEST_STEPS = 7  # of the whole, to tell cumulative counts from others
_MOST_FALLS = 0.25  # share of steps; offices take back on fewer days
_DIRECT = "90"  # third and fourth digit of units directly under the province (GB/T 2260)


@dataclass(frozen=True)
class Published:
    """
    A published file as grids of cumulative counts, one per series.

    ``province`` and ``unassigned`` are (days, series); ``areas`` maps a series to a grid
    (days, adcodes). NaN where nothing was published.
    """

    code: str
    province: pd.DataFrame
    unassigned: pd.DataFrame
    areas: dict[str, pd.DataFrame]
    names: dict[str, str]


def read(rows: pd.DataFrame, log: Log, known: dict[str, str] | None = None) -> Published:
    """
    Sort a published file's rows into province, areas and what is neither.

    Parameters
    ----------
    rows : pandas.DataFrame
        date, provinceCode, city, cityCode, confirmed, cured, dead; cumulative counts at
        24:00. The province's own row has no city.
    log : Log
        Takes every decision.
    known : dict of code to name, optional
        The region table: codes that are areas of this province. Without it, a six-digit code
        of the province is an area.

    Raises
    ------
    ContractError
        If a column is missing, a date cannot be read, rows of two provinces are mixed, or the
        counts are no cumulative ones.
    """
    table, code = _checked(rows)
    _counts(table, log)
    _suspected(rows, log)
    names = _names(table, code, known, log)
    table["adcode"] = [names.get((c, n)) for c, n in zip(table["code"], table["name"], strict=True)]
    own = table["name"].eq("")
    real = table["adcode"].notna() & ~own
    calendar = pd.date_range(table["date"].min(), table["date"].max(), freq="D")
    table = _single(table, own, log)
    own, real = own.loc[table.index], real.loc[table.index]
    series = list(SERIES.values())
    province = table[own].set_index("date")[series].reindex(calendar)
    areas = {
        name: table[real].pivot_table(index="date", columns="adcode", values=name, aggfunc="last")
        .reindex(calendar).sort_index(axis="columns")
        for name in series
    }  # fmt: skip
    other = table[~own & ~real].groupby("date")[series].sum(min_count=1).reindex(calendar)
    _cumulative(province["confirmed"], areas["confirmed"])
    label = table[real].groupby("adcode")["name"].agg(lambda names: names.mode().iloc[0])
    published = Published(
        code, province, other, areas, {str(code): str(name) for code, name in label.items()}
    )
    return _once(published, log)


def _checked(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    missing = [name for name in COLUMNS if name not in rows.columns]
    if missing:
        raise ContractError(
            "a published file lacks columns", [f"column '{name}' is missing" for name in missing]
        )
    table = rows[list(COLUMNS)].rename(columns=SERIES)
    table["date"] = _dates(table["date"])
    table["name"] = _text(table.pop("city"))
    table["code"] = _text(table.pop("cityCode"))
    codes = _text(table.pop("provinceCode")).unique()
    if table.empty:
        raise ContractError("a published file cannot be repaired", ["it has no rows"])
    breaches = []
    if table["date"].isna().any():
        wrong = table["date"].isna().to_numpy()
        breaches.append(
            f"{int(wrong.sum())} row(s) have no date as 2020-02-29, 2020/2/29 or 20200229; "
            f"the first is row {int(wrong.argmax()) + 1}"
        )
    if len(codes) != 1:
        breaches.append(f"rows of {len(codes)} provinces are mixed: repair one at a time")
    if breaches:
        raise ContractError("a published file cannot be repaired", breaches)
    return table.reset_index(drop=True), str(codes[0])


def _dates(column: pd.Series) -> pd.Series:
    """Days written year first; any other order could be read in two ways, and is none."""
    found = _text(column).str.extract(f"^{_DAY.pattern}$")
    month = found["month"].fillna(found["digits"].str[:2])
    day = found["day"].fillna(found["digits"].str[2:])
    return pd.to_datetime(
        found["year"] + "-" + month.str.zfill(2) + "-" + day.str.zfill(2),
        format="%Y-%m-%d", errors="coerce",
    )  # fmt: skip


def _text(column: pd.Series) -> pd.Series:
    """Text without blanks, "" where empty; a code read as a number loses its ".0"."""
    text = column.astype(object).where(column.notna(), "").astype(str)
    return text.str.strip().str.replace(r"\.0$", "", regex=True)


def _counts(table: pd.DataFrame, log: Log) -> None:
    """Turn counts into numbers; what is none, or is below 0, is unknown and listed."""
    for name in SERIES.values():
        given = table[name]
        number = pd.to_numeric(given, errors="coerce").astype("float64")
        wrong = (number.isna() & given.notna()) | (number < 0)
        table[name] = number.mask(wrong)
        log.series = name
        for code, some in table[wrong].groupby("code"):
            days = (some["date"].min(), some["date"].max())
            log.add("unreadable_count", str(code), days, amount=len(some),
                    name=some["name"].iloc[0], reason="no number of cases: taken as unknown",
                    evidence="the count is no number, or is below 0")  # fmt: skip
    log.series = ""


def _suspected(rows: pd.DataFrame, log: Log) -> None:
    """Say that suspected cases are left aside: they are no cumulative count."""
    if "suspected" not in rows.columns:
        return
    count = pd.to_numeric(rows["suspected"], errors="coerce").fillna(0)
    days = _dates(rows["date"])
    told = days[count > 0].nunique()
    log.add("unusable_column", "", (days.min(), days.max()), amount=len(rows), name="suspected",
            reason="suspected cases are not cumulative: neither repaired nor used",
            evidence=f"a positive count on {told} of {days.nunique()} days",
            decided=False)  # fmt: skip


def variant(name: str, known: dict[str, str]) -> str | None:
    """
    Code of the one area a name can mean without its ending (市, 州, 地区 ...).

    "温州" means 温州市, and "恩施州" 恩施土家族苗族自治州 if no other known name starts with
    恩施; a name that could mean two areas, or has a single character left, means none.
    """
    for stem in (name, _SUFFIX.sub("", name)):
        found = {code for code, full in known.items() if full.startswith(stem)}
        if len(stem) > 1 and found:
            return found.pop() if len(found) == 1 else None
    return None


def _names(
    table: pd.DataFrame, code: str, known: dict[str, str] | None, log: Log
) -> dict[tuple[str, str], str]:
    """Code of the area each (code, name) pair means; pairs that mean none are left out."""
    named = table[table["name"].ne("")]
    spans = {
        (str(some["code"].iloc[0]), str(some["name"].iloc[0])): some["date"]
        for _, some in named.groupby(["code", "name"], sort=True)
    }
    proper = re.compile(rf"{code[:2]}(?!0000)\d{{4}}")
    meant: dict[tuple[str, str], str] = {
        (c, n): c for c, n in spans if proper.fullmatch(c) and (known is None or c in known)
    }
    full = {adcode: name for (_, name), adcode in meant.items()} | (known or {})
    for (given, name), some in spans.items():
        if (given, name) in meant:
            continue
        days = (some.min(), some.max())
        match = variant(name, full)
        if match is not None:
            meant[given, name] = match
            log.add("naming_variant", match, days, amount=len(some), name=name,
                    reason=f"named '{name}' under code '{given}': taken as {match}",
                    evidence="without its ending the name begins one known name")  # fmt: skip
        else:
            log.add("pseudo_area", given, days, amount=len(some), name=name,
                    reason="no area of this province: counts in the province, in no area",
                    evidence=f"'{given}' is no six-digit code of an area known here")  # fmt: skip
    by_code: dict[str, set[str]] = {}
    for (given, name), adcode in meant.items():
        if given == adcode:
            by_code.setdefault(adcode, set()).add(name)
    for adcode, several in sorted(by_code.items()):
        if len(several) > 1:
            dates = table.loc[table["code"].eq(adcode), "date"]
            log.add("naming_variant", adcode, (dates.min(), dates.max()),
                    amount=len(several), name=" / ".join(sorted(several)),
                    reason="one code goes by several names: one area",
                    evidence="the code is the same")  # fmt: skip
    return meant


def _single(table: pd.DataFrame, own: pd.Series, log: Log) -> pd.DataFrame:
    """One row per area and day: of several the last, without what they contradict each other in."""
    named = own | table["adcode"].notna()
    key = [table["date"], table["adcode"].where(~own, "province").fillna("")]
    repeated = named & pd.concat(key, axis=1).duplicated(keep="last")
    series = list(SERIES.values())
    apart = table[named].groupby([each[named] for each in key])[series].transform("nunique") > 1
    apart = apart.reindex(table.index, fill_value=False)
    torn = apart.any(axis="columns")
    for place, rows in table[torn & ~repeated].groupby(key[1][torn & ~repeated]):
        log.add("contradictory_rows", "" if place == "province" else str(place),
                (rows["date"].min(), rows["date"].max()), amount=len(rows),
                name=rows["name"].iloc[0], decided=False,
                reason="a day stated twice, and not alike: taken as unknown",
                evidence="same area and date, other counts")  # fmt: skip
    table[series] = table[series].mask(apart)
    repeats = repeated & ~torn
    for adcode, rows in table[repeats].groupby("adcode", dropna=False):
        log.add("duplicate_row", str(adcode), (rows["date"].min(), rows["date"].max()),
                amount=len(rows), name=rows["name"].iloc[0],
                reason="a day stated twice: one row kept",
                evidence="same area, date and counts")  # fmt: skip
    return table[~repeated]


def _cumulative(province: pd.Series, areas: pd.DataFrame) -> None:
    """Refuse counts that fall as often as new cases a day do."""
    whole = province if province.notna().any() else areas.sum(axis=1, min_count=1)
    steps = whole.dropna().diff().dropna()
    falls = int((steps < 0).sum())
    if len(steps) >= _FEWEST_STEPS and falls > _MOST_FALLS * len(steps):
        raise ContractError(
            "a published file cannot be repaired",
            [f"confirmed: the province's count falls on {falls} of {len(steps)} days"],
            "cumulative counts are needed; these look like new cases of each day",
        )


def _once(published: Published, log: Log) -> Published:
    """Leave out county rows whose cases their prefecture's row already holds."""
    confirmed = published.areas["confirmed"]
    columns = confirmed.columns
    dropped = []
    for county in columns:
        parent = county[:4] + "00"
        if county == parent or county[2:4] == _DIRECT or parent not in columns:
            continue
        others = confirmed.drop(columns=county).sum(axis=1, min_count=1)
        others = others.add(published.unassigned["confirmed"], fill_value=0)
        there = confirmed[county].gt(0)
        gap = (published.province["confirmed"] - others)[there]
        without, within = gap.abs(), (gap - confirmed.loc[there, county]).abs()
        better = int((without < within).sum()), int((within < without).sum())
        span = confirmed.index[there]
        if len(span) and better[0] > better[1]:
            dropped.append(county)
            log.add("double_counted", county, (span[0], span[-1]),
                    name=published.names[county], amount=float(np.nanmax(confirmed[county])),
                    reason=f"its cases are in its prefecture's row {parent}: left out",
                    evidence=f"the areas' sum is nearer to the province without it on {better[0]} "
                    f"days, with it on {better[1]}")  # fmt: skip
    areas = {name: grid.drop(columns=dropped, errors="ignore")
             for name, grid in published.areas.items()}  # fmt: skip
    return Published(
        published.code, published.province, published.unassigned, areas, published.names
    )
