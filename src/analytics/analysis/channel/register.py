"""
Which channels are open: a dated register, and who may pass by the notices in force.

REGISTER
    CHANNEL_STATUS rows: county (or prefecture, or province: then all counties below), channel,
    direction, since, status, notice. Later rows replace earlier ones; of rows of one moment the
    one for the smaller area counts. What no row names is open.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analytics import codes
from analytics.errors import ParameterError, StudyError

DIRECTIONS = ("in", "out")
COLUMNS = ("county", "channel", "direction", "since", "status", "notice")

Requirement = Literal["green_code", "negative_test", "point_to_point"]
REQUIREMENTS: tuple[Requirement, ...] = ("green_code", "negative_test", "point_to_point")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Frozen):
    """A text in both languages."""

    zh: str
    en: str


class Notice(_Frozen):
    """
    One notice on who may travel.

    It sets the status of the channels of the areas in `where`, those in `apart` excepted, in one
    direction from `since` on; with `kinds` it concerns these travellers only and leaves
    the channel's status for all others as it is. Who has what `requires` names may pass.
    """

    id: str
    since: datetime
    where: tuple[str, ...] = Field(min_length=1)
    apart: tuple[str, ...] = ()
    direction: Literal["in", "out"] = "out"
    channels: tuple[codes.Channel, ...] = codes.CHANNELS
    status: codes.Control
    kinds: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    words: Words
    source: str = Field(min_length=1)


def read_notices(path: Path) -> tuple[Notice, ...]:
    """
    Read notices, such as a study's ``channel_notices.toml``.

    Parameters
    ----------
    path : Path
        TOML with a list ``notice``.

    Returns
    -------
    tuple of Notice
        In order of time.

    Raises
    ------
    StudyError
        If the file is missing, is no TOML, or an entry does not hold; all breaches are listed.
    """
    if not path.is_file():
        raise StudyError(
            f"there are no notices '{path.name}' in '{path.parent.name}'",
            remedy="write them as docs/channel.md says; data/hubei-2020 has an example",
        )
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("notice", [])
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"'{path.name}' is not TOML: {error}") from error
    notices, breaches = [], []
    for place, entry in enumerate(entries, 1):
        try:
            notices.append(Notice(**entry))
        except ValidationError as error:
            breaches += [
                f"notice {place}: {'.'.join(map(str, e['loc']))}: {e['msg']}"
                for e in error.errors()
            ]
    if breaches:
        raise StudyError(f"'{path.name}' does not hold together", breaches)
    return tuple(sorted(notices, key=lambda notice: notice.since))


def register_of(notices: Sequence[Notice], areas: Sequence[str]) -> pd.DataFrame:
    """
    Write notices into a register, area by area.

    Parameters
    ----------
    notices : sequence of Notice
        Those for some kinds of travellers only do not change a channel's status and are left out.
    areas : sequence of str
        Areas the register is kept for, such as all prefectures.

    Returns
    -------
    REGISTER table
    """
    rows = [
        (area, channel, notice.direction, notice.since, notice.status, notice.id)
        for notice in notices
        if not notice.kinds
        for area in areas
        if concerns(notice, area)
        for channel in notice.channels
    ]
    return _typed(pd.DataFrame(rows, columns=list(COLUMNS)))


def concerns(notice: Notice, area: str) -> bool:
    """Whether a notice names an area, or one it lies in, and does not except it."""
    named = {area, codes.prefecture_of(area), codes.province_of(area)}
    return bool(named & set(notice.where)) and not named & set(notice.apart)


def status(register: pd.DataFrame, areas: Sequence[str], moment: datetime) -> pd.DataFrame:
    """
    Tell each channel's status in each area at a moment.

    Parameters
    ----------
    register : REGISTER table
    areas : sequence of str
    moment : datetime
        Without a zone: Asia/Shanghai's.

    Returns
    -------
    pandas.DataFrame
        area, channel, direction, status, since, notice; one row for every area, channel and
        direction, "open" without a since where nothing is registered.
    """
    grid = pd.MultiIndex.from_product(
        [list(dict.fromkeys(areas)), codes.CHANNELS, DIRECTIONS],
        names=["area", "channel", "direction"],
    ).to_frame(index=False)
    known = _typed(register)
    known = known[known["since"] <= pd.Timestamp(moment)]
    parts = []
    lifts: tuple[Callable[[str], str], ...] = (codes.province_of, codes.prefecture_of, str)
    for depth, lift in enumerate(lifts):
        at = grid.assign(county=[lift(area) for area in grid["area"]], depth=depth)
        parts.append(at.merge(known, "inner", ["county", "channel", "direction"]))
    found = pd.concat(parts).sort_values(["since", "depth"], kind="stable")
    key = ["area", "channel", "direction"]
    latest = found.drop_duplicates(key, keep="last")[[*key, "status", "since", "notice"]]
    whole = grid.merge(latest, "left", key)
    return whole.assign(status=whole["status"].fillna("open"))


def change(register: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """
    Add changes to a register: a scenario.

    Parameters
    ----------
    register : REGISTER table
    changes : REGISTER table
        Rows to add; the notice may be left out.

    Returns
    -------
    REGISTER table
        The register with them; itself unchanged.

    Raises
    ------
    ParameterError
        If a change names no region, channel, direction or status that there is; all are listed.
    """
    rows = changes.reindex(columns=list(COLUMNS))
    breaches = []
    for column, known in (
        ("channel", codes.CHANNELS),
        ("direction", DIRECTIONS),
        ("status", codes.CONTROLS),
    ):
        strange = sorted({str(v) for v in rows[column]} - set(known))
        breaches += [f"{column} '{each}': there are {', '.join(known)}" for each in strange]
    strange = [str(each) for each in rows["county"] if not codes.is_region(str(each))]
    breaches += [f"'{each}' is no region code" for each in strange]
    if breaches:
        raise ParameterError("the register cannot be changed so", breaches)
    return pd.concat([_typed(register), _typed(rows)], ignore_index=True)


def allowed(notices: Sequence[Notice], travellers: pd.DataFrame, day: date) -> pd.DataFrame:
    """
    Tell which travellers may pass on a day, and why or what they lack.

    Parameters
    ----------
    notices : sequence of Notice
    travellers : pandas.DataFrame
        kind, origin, destination, channel, code [health code; empty without], negative_test,
        point_to_point (bool).
    day : date
        What is in force at its noon.

    Returns
    -------
    pandas.DataFrame
        `travellers` with allowed (bool), notice [that decides; empty if none speaks of
        them] and lacking [requirements not met, ; between; "closed" where nothing helps]. Both the
        way out of the origin and the way into the destination must be open to them.
    """
    noon = datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 (as the notices' times)
    verdicts = [_judged(notices, row, noon) for row in travellers.to_dict("records")]
    columns = ["allowed", "notice", "lacking"]
    judged = pd.DataFrame(verdicts, columns=columns, index=travellers.index)
    return pd.concat([travellers, judged], axis=1)


def _judged(
    notices: Sequence[Notice], traveller: Mapping[Any, Any], moment: datetime
) -> tuple[bool, str, str]:
    decisive, lacks = "", list[str]()
    for direction, place in (("out", "origin"), ("in", "destination")):
        ways = [
            notice
            for notice in notices
            if notice.since <= moment
            and notice.direction == direction
            and traveller["channel"] in notice.channels
            and concerns(notice, str(traveller[place]))
            and (not notice.kinds or traveller["kind"] in notice.kinds)
        ]
        if not ways:
            continue
        general = [notice for notice in ways if not notice.kinds][-1:]
        since = general[0].since if general else datetime.min  # noqa: DTZ901
        own = [notice for notice in ways if notice.kinds and notice.since >= since]
        tried = [(_lacking(notice, traveller), notice) for notice in (*own, *general)]
        missing, notice = min(tried, key=lambda each: (len(each[0]), each[1].since))
        if missing or not decisive or direction == "out":
            decisive = notice.id
        lacks += [each for each in missing if each]
    return not lacks, decisive, ";".join(dict.fromkeys(lacks))


def _lacking(notice: Notice, traveller: Mapping[Any, Any]) -> list[str]:
    """List what a traveller lacks for a notice; "closed" weighs most."""
    if notice.status == "closed":
        return ["closed", "", "", ""]
    if notice.status == "open":
        return []
    has = {
        "green_code": traveller["code"] == "green",
        "negative_test": bool(traveller["negative_test"]),
        "point_to_point": bool(traveller["point_to_point"]),
    }
    return [need for need in notice.requires if not has[need]]


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    table = rows.reindex(columns=list(COLUMNS)).astype(
        {name: "object" for name in COLUMNS if name != "since"}
    )
    table["since"] = pd.to_datetime(table["since"]).astype("datetime64[us]")
    return table
