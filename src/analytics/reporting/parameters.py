"""
Parameters of each report: one frozen model per notebook.

The model is the one definition: the command line's help, the notebook's annotated
parameters cell and every check before a kernel starts are read from it. A notebook
builds its model again from its cell, so that plain Papermill runs are checked too.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from analytics import study as studies
from analytics.errors import ParameterError, StudyError


class ReportParameters(BaseModel):
    """
    What every report is asked for.

    An empty study is the one this session works on; an empty ``as_of`` is the study's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str = Field("", description="study under data/; empty: the one chosen for this session")
    as_of: date = Field(date.min, description="known by 24:00 of this day; empty: the study's own")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_study(cls, entries: Any) -> Any:
        if not isinstance(entries, Mapping):
            return entries
        study = studies.load(str(entries.get("study") or ""))
        return {**entries, "study": study.name, "as_of": entries.get("as_of") or study.as_of}

    @model_validator(mode="after")
    def _within_study(self) -> Self:
        study = studies.load(self.study)
        if not study.first_date <= self.as_of <= study.last_date:
            message = f"lies outside the study ({study.first_date} to {study.last_date})"
            raise ValueError(f"as_of {self.as_of} {message}")
        return self

    def variant(self) -> str:
        """Name of this choice of parameters: empty for the standard report, part of a file name."""
        parts = [
            name.replace("_", "-")
            if value is True
            else f"{name.replace('_', '-')}-{quote(str(value), safe='')}"  # leads into no folder
            for name, value in self.model_dump(mode="json").items()
            if name not in ReportParameters.model_fields
            and value != type(self).model_fields[name].default
        ]
        return ".".join(parts)


class RiskGrading(ReportParameters):
    """Graded assessment of epidemic risk, by county."""

    window_days: int = Field(14, ge=1, le=60, description="days without a new case to be low")
    cumulative_cutoff: int = Field(50, ge=0, description="cases above which a cluster makes high")
    retrospective: bool = Field(default=False, description="use county counts published later")


class CountyRisk(ReportParameters):
    """One county: its grade, how sure that is, and what would move it down."""

    county: str = Field("", description="code of a county; empty: the one graded heaviest")


class DataQuality(ReportParameters):
    """What each department owed, what came, how late and how good."""


class TravelChannel(ReportParameters):
    """Travel channel and health codes: where pressure is, what gates miss, who may pass."""

    origin: str = Field("", description="prefecture people leave; empty: the one with most cases")
    travellers: int = Field(10_000, ge=100, description="people leaving that figures are given for")
    temperature: float = Field(0.86, ge=0, le=1, description="sensitivity of a temperature check")


class Loop(ReportParameters):
    """What was pushed, verified and is overdue, how right each rule is, and who waits for what."""


class ResettlementDemand(ReportParameters):
    """Beds and help for stranded people: needed, free, outstanding, now and ahead."""

    road_factor: float = Field(1.3, ge=1, le=3, description="road per kilometre as the crow flies")
    solver_seconds: int = Field(60, ge=1, le=900, description="longest time to place everyone")


class Replay(ReportParameters):
    """What a replay of the whole command gave: who was found, who waited, what erred."""


REPORTS: dict[str, type[ReportParameters]] = {
    "risk_grading": RiskGrading,
    "county_risk": CountyRisk,
    "data_quality": DataQuality,
    "travel_channel": TravelChannel,
    "loop": Loop,
    "resettlement_demand": ResettlementDemand,
    "replay": Replay,
}
STANDARD: tuple[str, ...] = tuple(name for name in REPORTS if name != "replay")
"""Reports that are made where none is named; a replay publishes its own."""
DAILY: Final = ("risk_grading", "travel_channel", "resettlement_demand")
"""Reports that the command reads every day: risk, the way out, and beds."""


def model(report: str) -> type[ReportParameters]:
    """
    Parameter model of a report.

    Raises
    ------
    ParameterError
        If there is no such report; the nearest name is suggested.
    """
    if report in REPORTS:
        return REPORTS[report]
    raise ParameterError(f"there is no report '{report}'", remedy=_nearest(report, list(REPORTS)))


def parse(report: str, entries: Mapping[str, Any]) -> ReportParameters:
    """
    Check a report's parameters before anything is started.

    Parameters
    ----------
    report : str
        Name of the report, which is the notebook's name.
    entries : mapping
        Parameter to value; text is read by the type of its field, never guessed.

    Raises
    ------
    ParameterError
        Listing every unknown name (with the nearest valid one), wrong type and impossible value.
    """
    expected = model(report)
    try:
        return expected(**entries)
    except StudyError as error:
        raise ParameterError(error.what, error.breaches, error.remedy) from error
    except ValidationError as error:
        breaches = [_breach(each, expected) for each in error.errors()]
        what = f"report '{report}' cannot run with these parameters:"
        remedy = f"parameters of '{report}': {', '.join(expected.model_fields)}"
        raise ParameterError(what, breaches, remedy) from None


def cell(parameters: type[ReportParameters]) -> str:
    """Source of the notebook's parameters cell: every field with type, default and meaning."""
    return "\n".join(_line(name, field) for name, field in parameters.model_fields.items())


def _line(name: str, field: FieldInfo) -> str:
    is_date = field.annotation is date
    kind = "str" if is_date else getattr(field.annotation, "__name__", str(field.annotation))
    default = '""' if is_date or field.default == "" else repr(field.default)
    return f"{name}: {kind} = {default}  # {field.description}"


def _breach(error: Any, expected: type[ReportParameters]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{name}: unknown; {_nearest(name, list(expected.model_fields))}"
    message = error["msg"].removeprefix("Value error, ")
    given = f" (given: {error['input']!r})" if error["loc"] else ""
    return f"{name}: {message}{given}" if name else message


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known)}"
