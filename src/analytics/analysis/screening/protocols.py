"""
Protocols as data: case definitions, contact rules and numbers, by edition, day and region.

`load` reads the file beside this module, where each number has its source; another file of
the same shape serves another country or year.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from analytics.errors import ParameterError
from analytics.study import read_rules

Feature = Literal["fever_or_respiratory", "imaging", "lymphocytes_low", "exposure"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PictureRule(_Frozen):
    """A rule on the clinical picture: all of `needs`, and `at_least` so many of `of`."""

    rule: str
    zh: str
    en: str
    needs: tuple[Feature, ...] = ()
    of: tuple[Feature, ...] = ()
    at_least: int = 0


class Diagnosis(_Frozen):
    """One edition of the diagnosis and treatment protocol: where, and from when to when."""

    edition: str
    zh: str
    en: str
    first: date
    source: str
    last: date = date.max
    regions: tuple[str, ...] = ()
    clinical_counts: bool = False
    serology: bool = False
    suspected: tuple[PictureRule, ...] = ()
    clinical: tuple[PictureRule, ...] = ()


class Picture(_Frozen):
    """Days [days] and temperature [°C] by which records of one illness are read."""

    exposure_days: int
    combine_days: int
    fever_celsius: float
    fever_days: int


class Exclusion(_Frozen):
    """How tests exclude a suspected case, and whether a matching picture forbids it."""

    negatives: Literal[2]
    apart_hours: float
    keep_with_picture: bool
    source: str


class Contact(_Frozen):
    """One edition of the rule who is a close contact: days before onset, days observed."""

    edition: str
    zh: str
    en: str
    first: date
    days_before: int
    observation_days: int
    source: str


class Household(_Frozen):
    """Largest number of members that still is a household [persons]."""

    members_at_most: int


class SeatRisk(_Frozen):
    """Attack rate at one place in the carriage, and its increase [1/hour] where published."""

    rate: float
    per_hour: float | None = None


class Travel(_Frozen):
    """Who sat near, and how likely one so near is infected."""

    rows: dict[str, int]
    seats: dict[str, str]
    hours_at_most: float
    mean_rate: float
    mean_per_hour: float
    adjacent: SeatRisk
    same_row: SeatRisk
    other_row: SeatRisk
    source: str


class Protocols(_Frozen):
    """All editions and numbers; see ``protocols.toml``."""

    diagnosis: tuple[Diagnosis, ...] = Field(min_length=1)
    contact: tuple[Contact, ...] = Field(min_length=1)
    picture: Picture
    exclusion: Exclusion
    household: Household
    travel: Travel

    def diagnosis_on(self, day: date) -> tuple[Diagnosis, ...]:
        """
        Editions in force at the end of a day: those of named regions first, then the general one.

        Raises
        ------
        ParameterError
            If no edition was in force yet.
        """
        begun = [edition for edition in self.diagnosis if edition.first <= day <= edition.last]
        latest = {edition.regions: edition for edition in sorted(begun, key=lambda e: e.first)}
        if () not in latest:
            raise _too_early(day, "diagnosis", min(edition.first for edition in self.diagnosis))
        return (*(e for regions, e in latest.items() if regions), latest[()])

    def contact_on(self, day: date) -> Contact:
        """
        Edition of the contact rule in force at the end of a day.

        Raises
        ------
        ParameterError
            If none was in force yet.
        """
        begun = [edition for edition in self.contact if edition.first <= day]
        if not begun:
            raise _too_early(day, "contact", min(edition.first for edition in self.contact))
        return max(begun, key=lambda edition: edition.first)


def _too_early(day: date, kind: str, first: date) -> ParameterError:
    return ParameterError(
        f"no {kind} rule was in force on {day.isoformat()}",
        remedy=f"choose {first.isoformat()} or later, or add the edition to the protocols",
    )


def load(path: Path | None = None) -> Protocols:
    """
    Read protocols from a file.

    Parameters
    ----------
    path : Path, optional
        TOML file; without it, the editions of early 2020 in China.

    Raises
    ------
    ParameterError
        If the file does not hold together; every unsound entry is listed.
    """
    path = path or Path(__file__).with_name("protocols.toml")
    return read_rules(Protocols, path)
