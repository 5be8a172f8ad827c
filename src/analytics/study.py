"""
A study: all choices of one investigation, frozen, read from its ``study.toml``.

A study lives in ``data/<name>/`` under the workbench's root: the nearest folder, from the
working directory upwards, that holds ``data/<name>/study.toml``; ``WORKBENCH_ROOT`` names
another. What is made (inbox, vault, archive, ledger, audit log) lives in its state
folder, ``WORKBENCH_HOME/<name>`` or ``data/<name>/state``, mode 0700.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analytics.codes import Purpose
from analytics.errors import StudyError

ZONE = ZoneInfo("Asia/Shanghai")
DEFAULT = "hubei-2020"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Title(_Frozen):
    """A name in both languages."""

    zh: str
    en: str


class GradingRule(_Frozen):
    """
    The national rule that grades a county's risk.

    Window [days] that must pass without a new case to be low, and cumulative cut-off [cases]
    above which a cluster outbreak makes an area high.
    """

    window_days: int = 14
    cumulative_cutoff: int = 50


class DefinitionChange(_Frozen):
    """
    A day on which what counts as a case changed: its step is one of reporting.

    Names the series it touches (``confirmed``, ``deaths``, ``recovered``), the areas (none
    named means all), and whether it adds cases or strikes them off.
    """

    day: date
    effect: Literal["adds", "removes"] = "adds"
    series: tuple[Literal["confirmed", "deaths", "recovered"], ...] = ("confirmed",)
    areas: tuple[str, ...] = ()
    note: Title
    source: str


class GradedUnits(_Frozen):
    """
    What the official lists grade from a day on.

    ``county``: every county by itself. ``urban_area``: the districts of a prefecture-level city
    together, by the worst of them, and every other county by itself.
    """

    first_date: date
    unit: Literal["county", "urban_area"]
    source: str = ""


class Regions(_Frozen):
    """
    How codes of one table become codes of the study period, so that nobody is lost.

    ``recode``: the same place under another code. ``absorbed``: a statistical unit without
    boundaries of its own, counted with the county named.
    """

    recode: dict[str, str] = Field(default_factory=dict)
    absorbed: dict[str, str] = Field(default_factory=dict)
    source: str = ""


class CountyState(_Frozen):
    """When a later cumulative state of counties was taken: not before this day."""

    not_before: date
    source: str = ""


class Duty(_Frozen):
    """
    Who decides or checks what, and by when (time of day, in the study's zone).

    A duty with a `team` checks findings: each county has `teams` of that name, each with at most
    `capacity` open lines. Its team sees the `columns` of a person that it needs, for its
    `purpose`; answers are owed `days` after the push, unreached people are tried `attempts` times,
    overdue ones go to `escalates`. With each push, `sample` unflagged people a county are drawn.
    """

    task: str
    who: Title
    due: time
    team: str = Field(default="", pattern=r"^[a-z][a-z_]{0,31}$|^$")
    purpose: Purpose | None = None
    columns: tuple[Literal["name", "number", "birth", "phone", "county", "address"], ...] = ()
    teams: int = Field(default=1, ge=1, le=999)
    capacity: int = Field(default=200, ge=1)
    days: int = Field(default=1, ge=0)
    attempts: int = Field(default=2, ge=1)
    sample: int = Field(default=0, ge=0)
    escalates: Title | None = None


class Threshold(_Frozen):
    """
    Score from which on a rule flags, and what its errors cost.

    The loss of a flagged person who is none, and of one who was missed, in any one unit. What
    the field's answers suggest instead is only followed once a person has approved it.
    """

    rule: str
    value: float
    false_alarm: float = Field(default=1, gt=0)
    miss: float = Field(default=1, gt=0)


class Recipient(_Frozen):
    """
    Who gets which results back, in which form and by when.

    ``receives``: ``verified`` (counts by county), ``rules`` (how right each rule is), ``errors``
    (what was found wrong in the department's own deliveries), ``own`` (answers about the
    county's own people, under a key of the recipient's own). The first two are aggregates and
    leave through disclosure control; ``errors`` needs a `department`, ``own`` a `county`.
    """

    name: str = Field(pattern=r"^[a-z][a-z_]{0,31}$")
    who: Title
    receives: tuple[Literal["verified", "rules", "errors", "own"], ...]
    department: str = ""
    county: str = ""
    purpose: Purpose | None = None
    formats: tuple[Literal["parquet", "csv", "xlsx"], ...] = ("csv",)
    due: time
    every: Literal["day", "week"] = "day"
    weekday: int = Field(default=0, ge=0, le=6)

    @model_validator(mode="after")
    def _entitled(self) -> Self:
        if "errors" in self.receives and not self.department:
            raise ValueError("errors go to a department: name it")
        if "own" in self.receives and not (self.county and self.purpose):
            raise ValueError("own people's rows need the county and the purpose")
        return self


class TimeNode(_Frozen):
    """
    Who owes which feed by when.

    Each day from `first` to `last` (the study's days where absent), or each week on `weekday`
    (0 is Monday), by `due` (time of day, in the study's zone) of the day after the one the
    delivery is for, or of that day itself where `same_day`. `rows`: expected volume.
    """

    department: str
    feed: str
    due: time
    every: Literal["day", "week", "once"] = "day"
    weekday: int = Field(default=0, ge=0, le=6)
    same_day: bool = False
    first: date | None = None
    last: date | None = None
    rows: int | None = Field(default=None, ge=0)


class Study(_Frozen):
    """All choices of one investigation."""

    name: str
    title: Title
    region: str  # GB/T 2260 code of the province
    region_name: Title
    nature: Literal["real", "simulated"]
    as_of: date
    first_date: date
    last_date: date
    grading: GradingRule = GradingRule()
    regions: Regions = Regions()
    graded_units: tuple[GradedUnits, ...] = (GradedUnits(first_date=date.min, unit="county"),)
    definition_changes: tuple[DefinitionChange, ...] = ()
    county_state: CountyState | None = None
    duties: tuple[Duty, ...] = ()
    time_nodes: tuple[TimeNode, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    folder: Path = Path()

    def unit_on(self, day: date) -> Literal["county", "urban_area"]:
        """Kind of unit that official lists grade on a day; counties before the first entry."""
        past = [entry for entry in self.graded_units if entry.first_date <= day]
        return max(past, key=lambda entry: entry.first_date).unit if past else "county"

    @property
    def state(self) -> Path:
        """Folder of everything made for this study; created on first use, mode 0700."""
        home = os.environ.get("WORKBENCH_HOME")
        folder = Path(home) / self.name if home else self.folder / "state"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def root() -> Path:
    """
    Folder that holds ``data/`` and ``notebooks/``.

    Raises
    ------
    StudyError
        If neither the working directory, a folder above it, nor the checkout has them.
    """
    named = os.environ.get("WORKBENCH_ROOT")
    checkout = Path(__file__).resolve().parents[2]
    places = [Path(named)] if named else [Path.cwd(), *Path.cwd().parents, checkout]
    for place in places:
        if any(place.glob("data/*/study.toml")):
            return place
    raise StudyError(
        f"no study found from '{places[0]}' upwards: no folder there holds data/<study>/study.toml",
        remedy="change into the workbench's folder, or set WORKBENCH_ROOT to it",
    )


def names() -> list[str]:
    """Names of all studies under the root, sorted."""
    return sorted(path.parent.name for path in root().glob("data/*/study.toml"))


def chosen() -> str:
    """Name of the study that this session works on: ``WORKBENCH_STUDY``, or the embedded one."""
    return os.environ.get("WORKBENCH_STUDY") or DEFAULT


def load(name: str = "") -> Study:
    """
    Read a study.

    Parameters
    ----------
    name : str
        Folder under ``data/``; empty for the one this session works on.

    Raises
    ------
    StudyError
        If there is no such study (the nearest name is suggested) or its file is not sound;
        every unsound entry is listed.
    """
    name = name or chosen()
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"studies here: {', '.join(known)}"
        raise StudyError(f"there is no study '{name}'", remedy=hint)
    path = root() / "data" / name / "study.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return Study(**entries, name=name, folder=path.parent)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"'{path}' is not TOML: {error}") from error
    except ValidationError as error:
        breaches = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise StudyError(f"'{path}' does not hold together", breaches) from error


def moment(day: date) -> datetime:
    """24:00 of a day in the study's zone, as the first moment of the next day."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZONE)
