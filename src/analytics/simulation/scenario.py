"""
What a simulated province is made of, read from ``simulation.toml`` beside its ``study.toml``.

A scenario changes travel or tracing. The province it is compared with has the same people,
the same transmission and the same draws, so that a difference is the scenario's doing.
"""

from __future__ import annotations

import difflib
import tomllib
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analytics.codes import StrandedGroup
from analytics.errors import ParameterError, StudyError
from analytics.study import Study, Title

BASELINE = "baseline"
FILE = "simulation.toml"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Epidemic(_Frozen):
    """Natural history, reporting and tracing; delays [days], shares [1], pooling [persons]."""

    growth_doubling_days: float = Field(5.0, gt=0)
    lead_days: int = Field(42, ge=7)
    incubation_mean: float = Field(5.2, gt=0)
    incubation_sd: float = Field(3.7, gt=0)
    generation_mean: float = Field(6.0, gt=1)
    generation_sd: float = Field(3.0, gt=0)
    report_delay_early: float = Field(10.0, gt=0)
    report_delay_late: float = Field(4.0, gt=0)
    report_delay_turn: date
    ascertainment: float = Field(0.6, gt=0, le=1)
    highest_transmission: float = Field(6.0, gt=0)
    pooling: float = Field(1.0, ge=0)
    trace_coverage: float = Field(0.6, ge=0, le=1)
    trace_delay: float = Field(3.0, ge=0)
    household: float = Field(0.35, ge=0, le=1)
    workplace: float = Field(0.15, ge=0, le=1)


class Travel(_Frozen):
    """
    Travel out of the origin and back: daily rates [1/day], shares [1], stays [days].

    Openness [1] after closing holds both ways.
    """

    daily_rate: float = Field(ge=0, le=1)
    holiday_rate: float = Field(ge=0, le=1)
    holiday: date
    returning: float = Field(0.0, ge=0, le=1)
    stay_days_mean: float = Field(5.0, ge=0)
    closed: date
    closed_openness: float = Field(ge=0)
    rail_share: float = Field(0.45, ge=0, le=1)
    air_share: float = Field(0.05, ge=0, le=1)
    coach_share: float = Field(0.15, ge=0, le=1)


class Stranded(_Frozen):
    """
    Stranded people [persons at full scale, or at least `floor`] and sites.

    On a day from eight days after registration on, a share of `leaving` goes home, from
    `released` on a share of `leaving_released` [1/day].
    """

    known: int
    floor: int
    hidden: float = Field(ge=0)
    outside: int
    sites: int
    sites_floor: int
    groups: dict[StrandedGroup, float]
    leaving: float = Field(0.02, gt=0, le=1)
    released: date | None = None
    leaving_released: float = Field(0.15, gt=0, le=1)


class Registers(_Frozen):
    """How many of the residents reach a register: shares [1], visits [per 1,000 and day]."""

    community_share: float = Field(0.92, ge=0, le=1)
    declaring_share: float = Field(0.02, ge=0, le=1)
    visits_per_1000: float = Field(0.12, ge=0)


class Dirt(_Frozen):
    """Shares of cells [1] that are missing, mistyped or spelled unusually."""

    id_missing: dict[str, float] = Field(default_factory=dict)
    phone_missing: float = 0
    address_missing: float = 0
    changed_phone: float = 0
    id_error: float = 0
    name_error: float = 0
    phone_error: float = 0
    full_width: float = 0
    old_id: float = 0


class Deliveries(_Frozen):
    """Shares of deliveries [1] that go wrong, and the form in which feeds come."""

    late: float = 0
    late_hours_mean: float = 20
    duplicate: float = 0
    corrected: float = 0
    missing: float = 0
    workbook_rows: int = 3000
    formats: dict[
        str, Literal["csv", "csv.gz", "parquet", "jsonl", "xlsx", "gb18030", "bom", "utf16"]
    ] = Field(default_factory=dict)


class Channel(_Frozen):
    """Openness [1: as before the closing] of the origin's channels in a span, ends included."""

    since: date
    until: date
    openness: float = Field(ge=0)


class Scenario(_Frozen):
    """What is done differently; empty fields stay as they were."""

    name: str = BASELINE
    channels: tuple[Channel, ...] = ()
    trace_delay: float | None = None
    trace_coverage: float | None = None


class Settings(_Frozen):
    """All choices of one simulated province."""

    based_on: str
    origin: str
    reference_residents: int = Field(gt=0)
    attack_multiplier: float = Field(1.0, gt=0)
    epidemic: Epidemic
    travel: Travel
    stranded: Stranded
    registers: Registers
    dirt: dict[str, Dirt] = Field(default_factory=dict)
    deliveries: Deliveries = Deliveries()
    scenarios: dict[str, Scenario] = Field(default_factory=dict)


def load(study: Study) -> Settings:
    """
    Read the choices of a simulated study.

    Raises
    ------
    StudyError
        If the study is not a simulated one, or its ``simulation.toml`` is missing or unsound;
        every unsound entry is listed.
    """
    path = study.folder / FILE
    if study.nature != "simulated" or not path.is_file():
        raise StudyError(
            f"study '{study.name}' is not simulated",
            remedy=f'it needs nature = "simulated" and a {FILE} beside its study.toml',
        )
    try:
        return Settings(**tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"'{path}' is not TOML: {error}") from error
    except ValidationError as error:
        breaches = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise StudyError(f"'{path}' does not hold together", breaches) from error


def choose(settings: Settings, name: str) -> Scenario:
    """
    Scenario by its name; ``baseline`` changes nothing.

    Raises
    ------
    ParameterError
        If the study has no such scenario; the nearest name is suggested.
    """
    if name in {"", BASELINE}:
        return Scenario()
    if name not in settings.scenarios:
        near = difflib.get_close_matches(name, settings.scenarios, n=1)
        known = ", ".join([BASELINE, *settings.scenarios])
        hint = f"did you mean '{near[0]}'?" if near else f"scenarios: {known}"
        raise ParameterError(f"there is no scenario '{name}'", remedy=hint)
    return settings.scenarios[name].model_copy(update={"name": name})


def openness(travel: Travel, scenario: Scenario, day: date) -> float:
    """Traffic that passes out of the origin on a day, against open channels [1]."""
    for channel in scenario.channels:
        if channel.since <= day <= channel.until:
            return channel.openness
    return travel.closed_openness if day >= travel.closed else 1.0


def dirt(settings: Settings, name: str) -> Dirt:
    """
    Rates of dirt by their name.

    Raises
    ------
    ParameterError
        If the study states no such rates.
    """
    if name not in settings.dirt:
        known = ", ".join(settings.dirt)
        raise ParameterError(f"there are no rates of dirt '{name}'", remedy=f"rates: {known}")
    return settings.dirt[name]


def scale(settings: Settings, people: int) -> float:
    """Factor of counts [1]: residents against the province's, times the attack multiplier."""
    return people / settings.reference_residents * settings.attack_multiplier


def stranded(settings: Settings, people: int) -> tuple[int, int, int]:
    """Stranded people registered inside and outside, and sites: scaled, with a floor."""
    share, rule = people / settings.reference_residents, settings.stranded
    return (
        max(round(rule.known * share), rule.floor),
        max(round(rule.outside * share), rule.floor),
        max(round(rule.sites * share), rule.sites_floor),
    )


def claims(settings: Settings, cases: int) -> dict[str, int]:
    """
    Smallest number of residents that supports each claim.

    Parameters
    ----------
    settings : Settings
        Scale rule and numbers at full scale.
    cases : int
        Official cumulative cases at the end.

    Notes
    -----
    A prefecture's share of n cases has a relative standard error of 1 / sqrt(n): 400 cases for
    5 %, 100 for 10 %. Counts of stranded people follow the province only above the floor.
    """
    rate = cases / settings.reference_residents * settings.attack_multiplier
    rule, residents = settings.stranded, settings.reference_residents
    return {
        "curve of the province, 10 %": int(np.ceil(100 / rate)),
        "curve of the province, 5 %": int(np.ceil(400 / rate)),
        "curve of a prefecture with 1 % of the cases, 10 %": int(np.ceil(10_000 / rate)),
        "stranded people in proportion": int(np.ceil(rule.floor / rule.known * residents)),
        "sites in proportion": int(np.ceil(rule.sites_floor / rule.sites * residents)),
    }


def scale_rule(settings: Settings, people: int) -> Title:
    """Scale rule in both languages, to stand on every page made from the simulation."""
    factor, millions = scale(settings, people), settings.reference_residents / 1e6
    inside, outside, sites = stranded(settings, people)
    multiplier = settings.attack_multiplier
    return Title(
        zh=f"模拟数据：{people:,} 名虚构居民。病例数按 N/{millions:.1f} 百万 × 罹患倍数 "
        f"{multiplier:g} 缩放（×{factor:.5f}）；滞留人员设下限"
        f"（省内 {inside}、省外 {outside}、安置点 {sites}）。",
        en=f"Simulated: {people:,} invented residents. Cases scale with N / {millions:.1f} million "
        f"times an attack-rate multiplier of {multiplier:g} (×{factor:.5f}); stranded people scale "
        f"with a floor ({inside} inside, {outside} outside, {sites} sites).",
    )


def path_of(study: Study) -> Path:
    """Where a study's choices stand."""
    return study.folder / FILE
