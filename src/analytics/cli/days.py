"""A day as somebody types it."""

from __future__ import annotations

from datetime import date

from analytics.errors import ParameterError


def day(text: str) -> date:
    """
    Read a day.

    Raises
    ------
    ParameterError
        If the text is no day of the calendar.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ParameterError(f"'{text}' is no day", remedy="write it as 2020-02-29") from error
