"""What a cluster is, as data: by edition and day, with sources in ``protocols.toml``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from analytics.errors import ParameterError
from analytics.study import read_rules


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Definition(_Frozen):
    """One edition: at least so many cases within so many days, from a day on."""

    edition: str
    zh: str
    en: str
    first: date
    cases: int = Field(ge=2)
    days: int = Field(ge=1)
    source: str


class Members(_Frozen):
    """Classes of case that count, and days before onset in which a place may matter."""

    classes: tuple[str, ...]
    exposure_days: int
    source: str


class SerialInterval(_Frozen):
    """Days from onset to onset: mean and standard deviation of a gamma distribution."""

    mean: float = Field(gt=1)
    deviation: float = Field(gt=0)
    source: str


class Rules(_Frozen):
    """All editions and numbers."""

    cluster: tuple[Definition, ...] = Field(min_length=1)
    members: Members
    serial_interval: SerialInterval

    def on(self, day: date) -> Definition:
        """
        Edition in force at the end of a day.

        Raises
        ------
        ParameterError
            If none was in force yet.
        """
        begun = [edition for edition in self.cluster if edition.first <= day]
        if not begun:
            first = min(edition.first for edition in self.cluster)
            raise ParameterError(
                f"no definition of a cluster was in force on {day.isoformat()}",
                remedy=f"choose {first.isoformat()} or later, or add the edition to the rules",
            )
        return max(begun, key=lambda edition: edition.first)


def load(path: Path | None = None) -> Rules:
    """
    Read the rules from a file; without one, those of 2020 in China.

    Raises
    ------
    ParameterError
        If the file does not hold together; every unsound entry is listed.
    """
    path = path or Path(__file__).with_name("protocols.toml")
    return read_rules(Rules, path)
