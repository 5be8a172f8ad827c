"""
The published files of a study as deliveries of the department ``published``.

The files are wide tables for readers (all may be absent):

``official_confirmed.csv``, ``official_deaths.csv``, ``official_recovered.csv``
    date, then one column per area code; or date, adcode, value. Cumulative at 24:00, empty = not
    published.
``official_grades.csv``
    as_of, unit, adcode, unit_type, grade, rank.
``population.csv``
    adcode, name, pop_2020, households_2020, pct_65plus; counties, prefectures and the province.
``county_cumulative.csv``
    adcode, name, confirmed: a later state, for retrospective use only.
``wuhan_outflow_share.csv``
    adcode, city, province, mean_share.

Fetched files whose entry in ``sources.toml`` names the feed ``mobility_shares`` (with the
``origin`` they are for: date, direction, adcode, share) or ``mobility_scale`` (with ``columns``:
name to origin and direction) are laid in as well.

`stage` lays them into the inbox feed by feed and day by day, each with the moment it was
known; nothing is judged here: what is unsound goes along and is quarantined at intake.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from analytics import tables
from analytics.errors import StudyError
from analytics.pool import archive, deliveries, regions, staging
from analytics.pool.areas import areas
from analytics.pool.cells import code, day
from analytics.study import moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analytics.pool.archive import Entry
    from analytics.study import Study

MEASURES = ("confirmed", "deaths", "recovered")
_WAIT = 300.0  # longest wait for another process that stages the same files [s]
_APART = " ≠ "  # stands between values that contradict one another
_NAMES = {
    "official_grades": {"as_of": "date", "adcode": "region"},
    "population": {"adcode": "region", "pop_2020": "residents", "households_2020": "households",
                   "pct_65plus": "share_65"},
    "outflow_shares": {"adcode": "region", "mean_share": "share"},
    "county_cumulative": {"adcode": "region"},
}  # fmt: skip
_NEEDED = {
    "official_grades.csv": ("as_of", "adcode", "unit_type", "grade"),
    "population.csv": ("adcode", "pop_2020"),
    "county_cumulative.csv": ("adcode", "confirmed"),
    "wuhan_outflow_share.csv": ("adcode", "mean_share"),
}
Staged = tuple[str, date, pd.DataFrame]


def bring(study: Study, progress: Callable[[int, int], None] | None = None) -> int:
    """
    Bring the study's published files into its archive, if it lacks any of them.

    Other departments' deliveries stay in the inbox. Processes that do so at once take turns.

    Parameters
    ----------
    study : Study
    progress : callable, optional
        Told how many of how many deliveries are done.

    Returns
    -------
    int
        Deliveries taken in.

    Raises
    ------
    StudyError
        If a file lacks a column it must have.
    BusyError
        If another process holds the archive for long.
    """
    from filelock import FileLock

    from analytics.pool import pooling

    if staging.current(study):
        return 0
    study.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(study.state / "staging.lock", timeout=_WAIT, mode=0o600):
        if staging.current(study):
            return 0
        files = staging.present(study)
        stage(study)
        outcome = pooling.run(
            study, progress=progress, departments={"published"}, wait_seconds=_WAIT
        )
        staging.remember(study, files)
    return len(outcome.added)


def stage(study: Study) -> int:
    """
    Lay the study's published figures into the inbox.

    A count of day D and a list of grades are known by 24:00 of D; undated tables (census,
    outflow) from before the study begins, the later state of county counts from when
    ``county_state`` says. What the archive holds already is left out; where a file was
    put right since, a new edition of its day replaces the one before.

    Returns
    -------
    int
        Deliveries made.

    Raises
    ------
    StudyError
        If a file lacks a column it must have.
    """
    held: dict[tuple[str, date], list[Entry]] = {}
    for entry in sorted(archive.entries(study.state / "archive"), key=lambda e: e.delivered):
        held.setdefault((entry.feed, entry.date), []).append(entry)
    made = 0
    for feed, on, rows in _feeds(study):
        before = held.get((feed, on), [])
        content = _edition(study, feed, rows, before)
        if content is None:
            continue
        told = moment(on) - timedelta(minutes=1) + timedelta(milliseconds=len(before))
        deliveries.drop(study, feed, on, content, delivered=told)
        made += 1
    return made


def _edition(study: Study, feed: str, rows: pd.DataFrame, before: list[Entry]) -> bytes | None:
    """Write a day's file; none if it says what the latest edition says."""
    if not before:
        return _content(rows)
    old = original(study, before[-1])
    if old is not None:
        gone = old.get("withdrawn", pd.Series("", index=old.index)) == "yes"
        old = old[~gone].drop(columns=["withdrawn", "edition"], errors="ignore")
        if old.to_csv(index=False) == rows.to_csv(index=False):
            return None
    key = [name for name in tables.contract(feed).key if name in rows]
    new = rows.assign(withdrawn="")
    if old is not None and set(key) <= set(old):
        lost = ~pd.MultiIndex.from_frame(old[key]).isin(pd.MultiIndex.from_frame(rows[key]))
        new = pd.concat([new, old.loc[lost, key].assign(withdrawn="yes")]).fillna("")
    if "edition" in {column.name for column in tables.contract(feed).columns}:
        new = new.assign(edition=str(len(before) + 1))
    return _content(new)


def original(study: Study, entry: Entry) -> pd.DataFrame | None:
    """Rows of text of a published delivery as it came; none if its file was removed."""
    folder = study.state / "originals" / entry.department / entry.date.isoformat()
    path = folder / f"{entry.sha256[:32]}.{entry.file}"
    return _texts(path) if path.is_file() else None


def _content(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(index=False).encode()


def _feeds(study: Study) -> list[Staged]:
    before = study.first_date - timedelta(days=1)
    found = _by_day("official_counts", _counts(study), before)
    lists = _file(study, "official_grades.csv")
    if lists is not None:
        if "unit" not in lists:
            lists["unit"] = lists["region"]
        found += _by_day(
            "official_grades",
            _contradicted(lists, ["date", "region", "unit_type"], "grade"),
            before,
        )
    for name in ("population.csv", "wuhan_outflow_share.csv", "county_cumulative.csv"):
        rows, on = _file(study, name), before
        if rows is None:
            continue
        if name == "county_cumulative.csv":
            if study.county_state is None:
                continue
            on = study.county_state.not_before
        for named in ("name", "city"):
            if named in {c.name for c in tables.contract(staging.FEEDS[name]).columns}:
                rows[named] = rows.get(named, rows["region"])
        found.append((staging.FEEDS[name], on, rows))
    return found + _mobility(study, before) + _hotels(study, before)


def _mobility(study: Study, before: date) -> list[Staged]:
    """Mobility indices by day; all days before the study in one delivery."""
    parts: dict[str, list[pd.DataFrame]] = {"mobility_shares": [], "mobility_scale": []}
    for path, entry in staging.fetched(study):
        rows = _texts(path)
        if entry["feed"] == "mobility_shares":
            _require(study, path.name, rows, ("date", "direction", "adcode", "share"))
            shares = rows.assign(origin=entry["origin"], region=rows["adcode"].map(code))
            parts["mobility_shares"].append(
                shares[["date", "origin", "direction", "region", "share"]]
            )
        elif entry["feed"] == "mobility_scale":
            _require(study, path.name, rows, ("date", *entry["columns"]))
            for column, (origin, direction) in entry["columns"].items():
                scale = rows[["date"]].assign(
                    origin=origin, direction=direction, scale=rows[column]
                )
                parts["mobility_scale"].append(scale[scale["scale"].str.strip() != ""])
    found = []
    for feed, tables_ in parts.items():
        if tables_:
            rows = pd.concat(tables_, ignore_index=True)
            early = day(rows["date"]) <= pd.Timestamp(before)
            found += [(feed, before, rows[early])] if early.any() else []
            found += _by_day(feed, rows[~early], before)
    return found


def _hotels(study: Study, before: date) -> list[Staged]:
    """Hotels elsewhere that take the province's people, districts summed up to their city."""
    found = []
    for path, entry in staging.fetched(study):
        if entry["feed"] != "hotels_elsewhere":
            continue
        rows = _texts(path)
        count = entry["count"]
        _require(study, path.name, rows, ("province", "city", count))
        city = rows["city"].str.partition("-")[0]
        named = city.where(city != "", rows["province"])
        known = regions.lookup(study).set_index("text")["region"]
        placed = rows.assign(region=named.map(known).fillna(named))
        placed["hotels"] = placed[count].astype("int64")
        summed = placed.groupby("region", sort=True)["hotels"].sum().reset_index()
        found.append(("hotels_elsewhere", before, summed.astype("str")))
    return found


def _by_day(feed: str, rows: pd.DataFrame, before: date) -> list[Staged]:
    """Split rows by their day; those whose day cannot be read go with the first."""
    days = day(rows["date"])
    rows = rows.assign(date=days.dt.strftime("%Y-%m-%d").fillna(rows["date"]))
    first = days.min() if days.notna().any() else pd.Timestamp(before)
    parts = rows.groupby(days.fillna(first), sort=True)
    return [(feed, pd.Timestamp(str(on)).date(), part) for on, part in parts]


def _counts(study: Study) -> pd.DataFrame:
    """All cumulative series, one row per cell: ``date, region, measure, cumulative``."""
    known = areas(study)
    home = set(known["adcode"]) | set(known["prefecture"])
    columns = ["date", "region", "measure", "cumulative"]
    series = [pd.DataFrame(columns=columns, dtype="str")]
    for measure in MEASURES:
        name = f"official_{measure}.csv"
        path = study.folder / name
        if not path.is_file():
            continue
        rows = _texts(path)
        value = measure if measure in rows else "value"
        _require(study, name, rows, ("date", *((value,) if "adcode" in rows else ())))
        if "adcode" in rows:
            cells = rows.rename(columns={"adcode": "region", value: "cumulative"})
        else:
            cells = rows.melt("date", var_name="region", value_name="cumulative")
        cells = cells.assign(measure=measure, region=cells["region"].map(code))[columns]
        place = cells["region"].replace(study.regions.recode)
        empty = cells["cumulative"].str.strip() == ""
        kept = ~empty | (place.isin(home) & day(cells["date"]).notna())
        series.append(_contradicted(cells[kept], ["date", "region"], "cumulative"))
    return pd.concat(series).sort_values(["date", "region", "measure"], kind="stable")


def _contradicted(rows: pd.DataFrame, key: list[str], value: str) -> pd.DataFrame:
    """Make values that contradict one another unreadable, so that none of them is taken."""
    days = day(rows["date"]).dt.strftime("%Y-%m-%d").fillna(rows["date"])
    stated = rows[rows[value].str.strip() != ""].assign(date=days)
    stated[value] = stated[value].map(code).str.replace(r"(?<=\d)[, ](?=\d{3}\b)", "", regex=True)
    found = stated.groupby(key)[value].agg(lambda said: _APART.join(dict.fromkeys(said)))
    apart = found[found.str.contains(_APART, regex=False)].rename("said").reset_index()
    if apart.empty:
        return rows
    apart = apart.rename(columns={"date": "_day"})
    on = ["_day" if name == "date" else name for name in key]
    both = rows.assign(_day=days).merge(apart, "left", on)
    both[value] = both["said"].where(both["said"].notna(), both[value])
    return both.drop(columns=["said", "_day"])


def _file(study: Study, name: str) -> pd.DataFrame | None:
    path = study.folder / name
    if not path.is_file():
        return None
    rows = _texts(path)
    _require(study, name, rows, _NEEDED[name])
    rows = rows.assign(adcode=rows["adcode"].map(code))
    return rows.rename(columns=_NAMES[staging.FEEDS[name]])


def _texts(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")


def _require(study: Study, name: str, rows: pd.DataFrame, needed: tuple[str, ...]) -> None:
    lacking = [f"column '{column}' is missing" for column in needed if column not in rows]
    if lacking:
        raise StudyError(f"'{name}' of study '{study.name}' lacks columns", lacking)
