"""What many commands take and say: a study, a day, a moment, a page that was made."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from analytics.errors import ParameterError

StudyOption = Annotated[
    str, typer.Option(help="Study under data/; default: the session's study.", metavar="NAME")
]
AsOfOption = Annotated[
    str, typer.Option(help="Known by 24:00 of this day; default: the study's own.", metavar="DATE")
]


def day(said: str) -> date:
    """
    Read a day as somebody types it.

    Raises
    ------
    ParameterError
        If the text is no day of the calendar.
    """
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise ParameterError(f"'{said}' is no day", remedy="write it as 2020-02-29") from error


def moment(said: str) -> datetime:
    """
    Read a moment as somebody types it.

    Parameters
    ----------
    said : str
        A day, of which 24:00 is meant; a date and time, in the study's zone where it names none;
        empty for now.

    Returns
    -------
    datetime
        With a zone.

    Raises
    ------
    ParameterError
        If the text is neither.
    """
    from analytics import study

    if not said:
        return datetime.now(study.ZONE)
    try:
        if len(said) == len("2020-02-29"):
            return study.moment(date.fromisoformat(said))
        when = datetime.fromisoformat(said)
    except ValueError as error:
        raise ParameterError(
            f"'{said}' is no moment", remedy="write 2020-02-10 or 2020-02-10T08:00"
        ) from error
    return when if when.tzinfo else when.replace(tzinfo=study.ZONE)


def tell(page: Path, how: str) -> None:
    """Print where a page lies, its size [kB] and what became of it."""
    typer.echo(f"{page}  {page.stat().st_size / 1000:.0f} kB  {how}")
