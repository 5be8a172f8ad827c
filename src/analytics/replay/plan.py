"""What a replay plays: span, people, field, and the faults that strike on chosen days."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analytics import study as studies
from analytics.errors import ParameterError
from analytics.privacy import disk
from analytics.reporting.parameters import DAILY, STANDARD

if TYPE_CHECKING:
    from pathlib import Path

Fault = Literal[
    "late_department", "half_copied", "forged_list", "killed_pool", "list_twice", "deleted_lines",
    "two_at_once",
]  # fmt: skip
FAULTS: Final[dict[int, Fault]] = {
    1: "late_department", 2: "half_copied", 3: "forged_list", 5: "killed_pool", 6: "list_twice",
    8: "deleted_lines", 9: "two_at_once",
}  # fmt: skip
"""Fault by day of the replay; they come again every `EVERY` days."""
EVERY: Final = 12
_FILE = "plan.json"


class Plan(BaseModel):
    """
    What is played.

    Parameters
    ----------
    study : str
        A simulated study.
    first, last : date
        Days played, both included.
    people : int
        Residents.
    seed : int
        Of the province, the field and the draws.
    scenario : str
        Of the study; empty for its baseline.
    error, delay : float
        Chance of a wrong answer of the field, and mean days until a line is done.
    reports : {"daily", "weekly", "last", "none"}
        Daily: the command's three each day, and all of them once a week and on the last day.
    worlds : int
        Seeds of the comparison with other policies; 0 leaves it out.
    world_people : int
        Residents of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    first: date
    last: date
    people: int = Field(10_000, ge=1000)
    seed: int = Field(1, ge=0)
    scenario: str = ""
    error: float = Field(0.05, ge=0, le=1)
    delay: float = Field(1.0, ge=0)
    reports: Literal["daily", "weekly", "last", "none"] = "weekly"
    worlds: int = Field(10, ge=0, le=1000)
    world_people: int = Field(100_000, ge=1000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            message = f"last {self.last} lies before first {self.first}"
            raise ValueError(message)
        return self

    @property
    def days(self) -> tuple[date, ...]:
        """Days played."""
        return tuple(
            self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)
        )

    def fault(self, day: date) -> Fault | None:
        """Fault that strikes on a day."""
        return FAULTS.get((day - self.first).days % EVERY)

    def published(self, day: date) -> tuple[str, ...]:
        """Name the reports that appear on a day."""
        weekly = (day - self.first).days % 7 == 0
        if self.reports == "none" or (self.reports == "last" and day != self.last):
            return ()
        if weekly or day == self.last:
            return STANDARD
        return DAILY if self.reports == "daily" else ()


def make(**entries: object) -> Plan:
    """
    Check what is asked for.

    Raises
    ------
    ParameterError
        Listing every impossible value, and days outside the study.
    """
    try:
        plan = Plan.model_validate(entries)
    except ValidationError as error:
        breaches = [f"{'.'.join(map(str, e['loc'])) or 'span'}: {e['msg']}" for e in error.errors()]
        raise ParameterError("this cannot be played:", breaches) from None
    chosen = studies.load(plan.study)
    if plan.first < chosen.first_date or plan.last > chosen.last_date:
        raise ParameterError(
            f"{plan.first} to {plan.last} lies outside the study",
            remedy=f"it spans {chosen.first_date} to {chosen.last_date}",
        )
    return plan


def simulated(name: str) -> str:
    """
    Name of the simulated study that plays a study's command.

    Raises
    ------
    ParameterError
        If the study is real and no simulated one is made after it.
    """
    chosen = studies.load(name)
    if chosen.nature == "simulated":
        return chosen.name
    beside = f"{chosen.name}-simulated"
    if (chosen.folder.parent / beside / "study.toml").is_file():
        return beside
    raise ParameterError(
        f"study '{chosen.name}' is real, and there is no '{beside}' to play it with",
        remedy="a replay needs a simulated study; see docs/simulation.md",
    )


def settle(plan: Plan, folder: Path) -> None:
    """
    Note the plan in the replay's folder, or see that it is the one begun there.

    Raises
    ------
    ParameterError
        If another was begun there; every difference is listed.
    """
    path = folder / _FILE
    said = json.loads(plan.model_dump_json())
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [f"{name}: {before.get(name)}, not {value}" for name, value in said.items()
                 if before.get(name) != value]  # fmt: skip
        if other:
            raise ParameterError(
                f"another replay was begun in '{folder}'", other, "say --anew, or another --output"
            )
        return
    disk.make_private(folder)
    disk.replace(path, (json.dumps(said, indent=1) + "\n").encode())
