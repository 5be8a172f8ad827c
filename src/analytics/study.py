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
from typing import Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analytics.codes import Purpose, RiskGrade
from analytics.errors import ParameterError, StudyError

ZONE = ZoneInfo("Asia/Shanghai")
DEFAULT = "hubei-2020"


_Rules = TypeVar("_Rules", bound=BaseModel)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Title(_Frozen):
    """A name in both languages."""

    zh: str
    en: str


class Criterion(_Frozen):
    """
    What must hold of an area, all of it together; what is not given is not asked.

    New cases [cases] and their rate [per 100,000 residents] are of the rule's window; cumulative
    cases [cases] are of all time; ``cluster``: a cluster outbreak fell into the window, or none.
    """

    new_at_least: int | None = Field(default=None, ge=0)
    new_at_most: int | None = Field(default=None, ge=0)
    rate_at_least: float | None = Field(default=None, ge=0)
    rate_below: float | None = Field(default=None, gt=0)
    cumulative_at_least: int | None = Field(default=None, ge=0)
    cumulative_at_most: int | None = Field(default=None, ge=0)
    cluster: bool | None = None


class Tier(_Frozen):
    """A grade and the criteria any of which gives it."""

    grade: RiskGrade
    any: tuple[Criterion, ...]


class GradingRule(_Frozen):
    """
    A rule that grades risk; without tiers of its own, China's of 17 February 2020.

    Window [days] that new cases are counted over, and cumulative cut-off [cases] above which a
    cluster outbreak makes an area high. ``tiers``: another rule, as data, from light to severe;
    the first that fits gives the grade, and the cut-off then has no part in it.

    The stabilised grade, which is advisory: it rises on the day the chance of a heavier grade
    reaches ``rise_at``, and falls once that chance has been below ``fall_below`` on
    ``hold_days`` days in a row.
    """

    window_days: int = Field(default=14, ge=1)
    cumulative_cutoff: int = Field(default=50, ge=0)
    tiers: tuple[Tier, ...] = ()
    rise_at: float = Field(default=0.5, gt=0, le=1)
    fall_below: float = Field(default=0.4, gt=0, le=1)
    hold_days: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _rises_above_its_fall(self) -> Self:
        if self.fall_below > self.rise_at:
            message = f"fall_below {self.fall_below} lies above rise_at {self.rise_at}"
            raise ValueError(message)
        return self

    def ladder(self) -> tuple[Tier, ...]:
        """Tiers of the rule, written out where they are China's."""
        few, many = self.cumulative_cutoff, self.cumulative_cutoff + 1
        return self.tiers or (
            Tier(
                grade=RiskGrade.LOW,
                any=(Criterion(cumulative_at_most=0), Criterion(new_at_most=0)),
            ),
            Tier(
                grade=RiskGrade.MEDIUM,
                any=(
                    Criterion(cumulative_at_most=few),
                    Criterion(cumulative_at_least=many, cluster=False),
                ),
            ),
            Tier(grade=RiskGrade.HIGH, any=(Criterion(cumulative_at_least=many, cluster=True),)),
        )


class GradeUncertainty(_Frozen):
    """
    How uncertain grades are where a county's own counts or clusters are unknown.

    Parameters
    ----------
    density_elasticity : float
        Per cent by which incidence rises with one per cent of population density: how shares of
        counties within a prefecture lean towards its urban districts. 0: by population.
    share_spread : float
        Standard deviation, on the logit scale, of a county's share around that.
    later_spread : float
        The same where a later cumulative state of the counties says the share.
    window_dispersion : float
        Size k of the negative binomial distribution of a county's new cases in the window about
        its share: variance m + m^2 / k.
    cluster_rate : float
        Cluster outbreaks begun per new case.
    list_error : float
        Share of an official list's grades that do not follow the rule from the counts.
    source : str
        Where the figures come from.
    """

    density_elasticity: float = 0.0
    share_spread: float = Field(default=0.6, ge=0)
    later_spread: float = Field(default=0.1, ge=0)
    window_dispersion: float = Field(default=1.0, gt=0)
    cluster_rate: float = Field(default=344 / 1836, gt=0, lt=1)
    list_error: float = Field(default=0.1, ge=0, le=1)
    source: str = ""


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

    A duty with a `team` checks findings: each county, or prefecture or province where that is
    its `level`, has `teams` of that name, each with at most `capacity` open lines. It sees the
    `columns` of a person that it needs, for its `purpose`; answers are owed `days` after the push,
    unreached people are tried `attempts` times, overdue ones go to `escalates`. With each push,
    `sample` unflagged people of each are drawn.
    """

    task: str
    who: Title
    due: time
    team: str = Field(default="", pattern=r"^[a-z][a-z_]{0,31}$|^$")
    purpose: Purpose | None = None
    columns: tuple[Literal["name", "number", "birth", "phone", "county", "address"], ...] = ()
    level: Literal["county", "prefecture", "province"] = "county"
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
    grade_uncertainty: GradeUncertainty = GradeUncertainty()
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


def read_rules(model: type[_Rules], path: Path) -> _Rules:
    """
    Read rules that are data from a TOML file.

    Parameters
    ----------
    model : type of pydantic.BaseModel
        What the file must hold.
    path : Path

    Raises
    ------
    ParameterError
        If the file is not TOML or does not hold together; every unsound entry is listed.
    """
    try:
        return model(**tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"'{path.name}' is not TOML: {error}") from error
    except ValidationError as error:
        breaches = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ParameterError(f"'{path.name}' does not hold together", breaches) from error


def moment(day: date) -> datetime:
    """
    24:00 of a day in the study's zone, as the first moment of the next day.

    Raises
    ------
    ParameterError
        If the calendar has no next day.
    """
    if day == date.max:
        raise ParameterError(f"{day} is the calendar's last day", remedy="choose an earlier one")
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZONE)


def last_day(at: datetime) -> date:
    """
    Last day that something known by a moment can be of; of :func:`moment`, the day itself.

    Parameters
    ----------
    at : datetime
        With a zone.
    """
    return (at.astimezone(ZONE) - timedelta(microseconds=1)).date()


def clock(at: datetime) -> datetime:
    """
    Read a clock of the study's zone at a moment: no zone, as tables keep times.

    Parameters
    ----------
    at : datetime
        With a zone.
    """
    return at.astimezone(ZONE).replace(tzinfo=None)
