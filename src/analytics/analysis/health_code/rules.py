"""Rules of a health code: declarative, versioned, dated, in words the holder understands."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analytics.codes import HealthCode
from analytics.errors import StudyError

if TYPE_CHECKING:
    import ibis.expr.types as ir

Kind = Literal[
    "registration",
    "screening",
    "exposure",
    "residence",
    "travel",
    "declaration",
    "declaration_gap",
    "test",
    "quarantine",
    "recognised",
]
OPEN = datetime(9999, 1, 1)  # noqa: DTZ001 (the archive's clock has no zone: Asia/Shanghai)
"""Stands for an end that nobody has set."""

SEVERITY = (HealthCode.RED, HealthCode.YELLOW, HealthCode.GREEN)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Frozen):
    """A sentence's part in both languages."""

    zh: str
    en: str


class Rule(_Frozen):
    """
    One version of one rule.

    The rule holds from 00:00 of `first` to 00:00 of `last`. It applies to a record of the kind
    `evidence` whose category begins with one of `categories` (any, if none is named), from
    when the record is known, for `days` from the record's day or else until the record ends, and
    `after_days` beyond.
    """

    id: str
    version: str
    first: date
    last: date | None = None
    evidence: Kind
    categories: tuple[str, ...] = ()
    code: HealthCode
    days: int | None = Field(None, ge=1)
    after_days: int = Field(0, ge=0)
    because: Words
    todo: Words
    source: str = Field(min_length=1)

    @property
    def verified(self) -> bool:
        """Whether an official text is named for the rule."""
        return "unverified" not in self.source


class Recognition(_Frozen):
    """What another province's colours count as here; "*" is any province."""

    province: str
    first: date
    last: date | None = None
    source: str = Field(min_length=1)
    green: HealthCode | None = None
    yellow: HealthCode | None = None
    red: HealthCode | None = None


class Rules(_Frozen):
    """
    All rules of a province's code.

    `holds_hours`: a code shown is made anew after that; `appeal_days`: an appeal is decided
    within; `gap_days`: days without a declared temperature that count as a gap; `fever` [°C];
    `fever_since`: fevers [°C] approved later, each from its moment on (no zone), oldest first.
    """

    province: str
    holds_hours: int = Field(24, ge=1, le=168)
    appeal_days: int = Field(3, ge=1)
    gap_days: int = Field(2, ge=1)
    fever: float = 37.3
    fever_since: tuple[tuple[datetime, float], ...] = ()
    rule: tuple[Rule, ...] = Field(min_length=1)
    recognition: tuple[Recognition, ...] = ()

    @property
    def ordered(self) -> tuple[Rule, ...]:
        """Rules as they are tried: red, yellow, green, and within a colour as written."""
        return tuple(sorted(self.rule, key=lambda each: SEVERITY.index(each.code)))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rules' content; the same for the same rules however they are laid out."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def in_force(self, day: date) -> tuple[Rule, ...]:
        """Rules that hold on a day, as they are tried."""
        return tuple(
            rule
            for rule in self.ordered
            if rule.first <= day and (rule.last is None or day < rule.last)
        )

    def named(self, rule: str, version: str) -> Rule:
        """
        Rule of an id and version.

        Raises
        ------
        StudyError
            If there is none.
        """
        for each in self.rule:
            if (each.id, each.version) == (rule, version):
                return each
        raise StudyError(f"the rules of {self.province} hold no '{rule}' of version '{version}'")


def read(path: Path) -> Rules:
    """
    Read the rules of a code.

    Parameters
    ----------
    path : Path
        A TOML file, such as ``health_code.toml`` beside ``study.toml``.

    Returns
    -------
    Rules

    Raises
    ------
    StudyError
        If the file is missing, is no TOML, or does not hold together; every breach is listed.
    """
    if not path.is_file():
        raise StudyError(
            f"there are no rules '{path.name}' in '{path.parent.name}'",
            remedy="write them as docs/channel.md says; data/hubei-2020 has an example",
        )
    try:
        rules = Rules(**tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"'{path.name}' is not TOML: {error}") from error
    except ValidationError as error:
        breaches = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise StudyError(f"'{path.name}' does not hold together", breaches) from error
    breaches = _breaches(rules)
    if breaches:
        raise StudyError(f"'{path.name}' does not hold together", breaches)
    return rules


def _breaches(rules: Rules) -> list[str]:
    found = []
    seen: set[tuple[str, str]] = set()
    for each in rules.rule:
        name = f"rule '{each.id}' of version '{each.version}'"
        if (each.id, each.version) in seen:
            found.append(f"{name} is written twice")
        seen.add((each.id, each.version))
        if each.last is not None and each.last <= each.first:
            found.append(f"{name} ends before it begins")
        if len(f"{each.id}@{each.version}") > 50:  # noqa: PLR2004 (a token has room for no more)
            found.append(f"{name} has a name too long for a token")
    if not any(each.code == HealthCode.GREEN for each in rules.rule):
        found.append("no rule gives a green code")
    return found


def table(rules: Rules) -> ir.Table:
    """
    Lay rules out as a record-level table: one row per rule and category.

    Parameters
    ----------
    rules : Rules

    Returns
    -------
    RULES table
        rank (0 is tried first), rule, version, code, kind, prefix, days, after_days,
        first, last.
    """
    import ibis
    import pyarrow as pa

    rows = [
        (rank, r.id, r.version, str(r.code), r.evidence, prefix, r.days, r.after_days,
         datetime.combine(r.first, time()),
         OPEN if r.last is None else datetime.combine(r.last, time()))
        for rank, r in enumerate(rules.ordered)
        for prefix in (r.categories or ("",))
    ]  # fmt: skip
    names = ("rank", "rule", "version", "code", "kind", "prefix", "days", "after_days",
             "first", "last")  # fmt: skip
    kinds = [pa.int64(), *[pa.string()] * 5, *[pa.int64()] * 2, *[pa.timestamp("us")] * 2]
    columns = zip(*rows, strict=True)
    return ibis.memtable(
        pa.table(
            {
                name: pa.array(column, kind)
                for name, column, kind in zip(names, columns, kinds, strict=True)
            }
        )
    )
