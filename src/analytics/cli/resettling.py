"""What the commands of resettlement and assistance ask the floors below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics import engine
from analytics import study as studies
from analytics.analysis import assistance, resettlement
from analytics.errors import ContractError, ParameterError
from analytics.pool import stranded
from analytics.replay import daily

if TYPE_CHECKING:
    import pandas as pd

    from analytics.analysis.resettlement import Plan
    from analytics.study import Study


def plan(
    study: str, as_of: str, opened: Sequence[str] = (), closed: Sequence[str] = (), *,
    roads: Path | None = None, seconds: int = 60,
) -> Plan:  # fmt: skip
    """Place everyone known in a study by a day, some sites opened or closed."""
    chosen, day = _asked(study, as_of)
    return daily.place(
        chosen, day, opened=tuple(opened), closed=tuple(closed),
        roads=None if roads is None else _ways(roads), seconds=seconds,
    )  # fmt: skip


def _ways(path: Path) -> pd.DataFrame:
    """Read distances by road: county, site, distance_km."""
    import pandas as pd

    columns = {"county": "str", "site": "str", "distance_km": "float64"}
    try:
        return pd.read_csv(path, usecols=list(columns), dtype=columns)
    except (OSError, ValueError) as error:
        raise ContractError(
            f"distances cannot be read from {path}",
            [type(error).__name__],
            "a CSV with the columns county, site, distance_km is asked",
        ) from None


def owed(study: str, as_of: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List each person's state of assistance, and coverage by group and measure."""
    chosen, day = _asked(study, as_of)
    found, register = _read(chosen, day)
    rules = assistance.read(chosen.folder)
    claims = assistance.owed(register, found.given, rules, day)
    return assistance.people(register, claims), assistance.coverage(claims)


def _asked(study: str, as_of: str) -> tuple[Study, date]:
    chosen = studies.load(study)
    try:
        return chosen, date.fromisoformat(as_of) if as_of else chosen.as_of
    except ValueError:
        message = f"'{as_of}' is no day"
    raise ParameterError(message, remedy="a day is written as 2020-02-29")


def _read(chosen: Study, day: date) -> tuple[stranded.Stranded, Any]:
    connection = engine.connect()
    found = stranded.read(chosen, studies.moment(day), connection)
    rows = resettlement.register(found.known, day, chosen.region)
    return found, engine.collect(rows, connection)
