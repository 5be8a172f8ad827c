"""Entitlements: dated rules read from a file, checked as a whole."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analytics.codes import MEASURES, StrandedGroup, is_region
from analytics.errors import StudyError

CONDITIONS = (
    "bed", "quarantine", "halal", "language", "infant", "wheelchair", "medicine", "permit",
    "money", "contact_home",
)  # fmt: skip
FILE = "entitlements.toml"


class Provider(BaseModel):
    """Who gives, in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str


class Entitlement(BaseModel):
    """
    One measure that some people are owed from some day on, by one notice.

    Empty groups, regions or conditions mean all. Money is in yuan, `days` run from the day
    the need is known; `status` says whether the notice was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    measure: Literal[MEASURES]  # type: ignore[valid-type]
    groups: tuple[StrandedGroup, ...] = ()
    regions: tuple[str, ...] = ()
    since: date
    until: date | None = None
    when: tuple[Literal[CONDITIONS], ...] = ()  # type: ignore[valid-type]
    days: int = Field(ge=0)
    daily: float | None = Field(default=None, ge=0)
    most: float | None = Field(default=None, ge=0)
    provider: Provider
    source: str = Field(min_length=10)
    status: Literal["cited", "unverified"]

    def covers(self, county: pd.Series) -> pd.Series:
        """Whether each county lies in the regions of this rule."""
        if not self.regions:
            return pd.Series(data=True, index=county.index)
        stems = tuple(_stem(region) for region in self.regions)
        return county.astype("str").str.startswith(stems)


def _stem(region: str) -> str:
    if region.endswith("0000"):
        return region[:2]
    return region[:4] if region.endswith("00") else region


def read(folder: Path | None = None) -> tuple[Entitlement, ...]:
    """
    Read the rules: a study's own file if there is one, else the ones that come along.

    Parameters
    ----------
    folder : Path, optional
        The study's folder.

    Raises
    ------
    StudyError
        If the file is not TOML, an entry is not sound, a region is none, an interval ends
        before it begins, or a name stands twice; every breach is listed.
    """
    own = folder / FILE if folder is not None else None
    if own is not None and own.is_file():
        text, where = own.read_text(encoding="utf-8"), str(own)
    else:
        packaged = resources.files("analytics.analysis.assistance") / FILE
        text, where = packaged.read_text(encoding="utf-8"), FILE
    try:
        entries = tomllib.loads(text).get("entitlement", [])
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"'{where}' is not TOML: {error}") from error
    rules, breaches = [], []
    for number, entry in enumerate(entries, 1):
        try:
            rules.append(Entitlement(**entry))
        except ValidationError as error:
            breaches += [
                f"entry {number}, {'.'.join(map(str, e['loc']))}: {e['msg']}"
                for e in error.errors()
            ]
    names = [rule.name for rule in rules]
    breaches += [f"name '{name}' stands twice" for name in sorted(set(names))
                 if names.count(name) > 1]  # fmt: skip
    breaches += [f"{rule.name}: '{region}' is no region code" for rule in rules
                 for region in rule.regions if not is_region(region)]  # fmt: skip
    breaches += [f"{rule.name}: ends before it begins" for rule in rules
                 if rule.until is not None and rule.until < rule.since]  # fmt: skip
    if breaches:
        raise StudyError(f"'{where}' does not hold together", breaches)
    return tuple(rules)
