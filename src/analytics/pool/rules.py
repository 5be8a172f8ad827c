"""
Text to values, one rule per kind of column, in three steps.

`plain` gives each text its one spelling, `value` its value or null, `fault` the reason why
there is no sound value. The steps are columns of their own, so that each is worked out once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from analytics.tables.words import NO, YES, spoken

if TYPE_CHECKING:
    from analytics.tables import Column

_DAY = r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_SHARP = r"(\d{1,2}:\d{2}:\d{2})(?:\.\d+)?(Z|\+08:?00)?"
_AMBIGUOUS = r"^\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?:[ T][^\n]*)?$"
_SERIAL = r"^[1-9]\d{4}(?:\.\d+)?$"  # days since 1899-12-30, as Excel stores dates
_EARLIEST = (1880, 1, 1)
_UNITS = {"°C": r"[\s\v]*(?:°C|度|摄氏度)$", "%": r"[\s\v]*%$"}
_WORDS = {
    "yes_no": "not_yes_or_no",
    "category": "unknown_word",
    "document": "unknown_word",
    "region": "unknown_region",
}
_NEVER = ibis.literal(False)  # noqa: FBT003


def plain(text: Any, column: Column) -> Any:
    """One spelling for each text: dates year first, numbers without commas, words small."""
    kind = column.kind
    if kind == "date":
        day = text.re_replace(f"^{_DAY}(?:[ T]{_CLOCK})?$", r"\1-\2-\3")
        return day.re_replace(r"^((?:18|19|20)\d{2})(\d{2})(\d{2})$", r"\1-\2-\3")
    if kind == "moment":
        full = text.re_replace(f"^{_DAY}$", r"\1-\2-\3 00:00:00")
        full = full.re_replace(
            f"^{_DAY}[ T]?(\\d{{1,2}}:\\d{{2}})(Z|\\+08:?00)?$", r"\1-\2-\3 \4:00\5"
        )
        return full.re_replace(f"^{_DAY}[ T]?{_SHARP}$", r"\1-\2-\3 \4\5")
    if kind in {"integer", "number"}:
        bare = text.re_replace(_UNITS[column.unit], "") if column.unit in _UNITS else text
        commas = bare.re_search(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
        return commas.ifelse(bare.replace(",", ""), bare)
    if kind in {"category", "document", "yes_no"}:
        return text.lower()
    return text


def value(plain: Any, column: Column) -> Any:  # noqa: PLR0911 - one return for each kind
    """Value of a plain text; null where it has none."""
    kind = column.kind
    if kind == "date":
        return _day(plain)
    if kind == "moment":
        return _moment(plain)
    if kind == "integer":
        whole = plain.re_search(r"^[+-]?\d+(?:\.0+)?$")
        return whole.ifelse(plain.re_replace(r"\.0+$", ""), None).try_cast("int64")
    if kind == "number":
        real = plain.re_search(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$")
        return real.ifelse(plain, None).try_cast("float64")
    if kind == "yes_no":
        return yes_no(plain)
    if kind in {"category", "document"}:
        words = ((sorted({word, spoken(word).lower()}), word) for word in column.choices)
        return ibis.cases(
            *((plain.isin(said), word) for said, word in words), else_=ibis.null("string")
        )
    return plain


def yes_no(plain: Any) -> Any:
    """Yes or no in either language."""
    return ibis.cases((plain.isin(YES), True), (plain.isin(NO), False), else_=ibis.null("boolean"))


def _serial(plain: Any) -> Any:
    return plain.re_search(_SERIAL).ifelse(plain, None).try_cast("float64")


def _day(plain: Any) -> Any:
    written = plain.re_search(r"^\d{4}-\d{1,2}-\d{1,2}$").ifelse(plain, None).try_cast("date")
    days = _serial(plain).floor().cast("int64").as_interval("D")
    return written.coalesce((ibis.timestamp("1899-12-30 00:00:00") + days).date())


def _moment(plain: Any) -> Any:
    sound = plain.re_search(r"^\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{2}:\d{2}(?:Z|\+08:?00)?$")
    clock = plain.re_replace(r"(?:Z|\+08:?00)$", "")
    midnight = clock.endswith(" 24:00:00")  # the day's end (ISO 8601), which engines read apart
    started = sound.ifelse(clock.re_replace(" 24:00:00$", " 00:00:00"), None).try_cast("timestamp")
    local = midnight.ifelse(started + ibis.interval(days=1), started)
    zoned = plain.endswith("Z").ifelse(local + ibis.interval(hours=8), local)
    seconds = (_serial(plain) * 86400).round().cast("int64").as_interval("s")
    return zoned.coalesce(ibis.timestamp("1899-12-30 00:00:00") + seconds)


def fault(text: Any, value: Any, column: Column, delivered: Any) -> Any:
    """
    Say why texts of a column have no sound value.

    Parameters
    ----------
    text : ibis string value
        As delivered.
    value : ibis value
        What was read from it; null where nothing could be.
    column : Column
    delivered : ibis timestamp value
        When it came: dates after it are in the future.

    Returns
    -------
    ibis string value or None
        The reason, null where the value is sound; None where a column of this kind has no fault.
    """
    kind = column.kind
    if kind in {"date", "moment"}:
        return _misdated(text, value, column, delivered)
    if kind in {"integer", "number"}:
        low = _NEVER if column.minimum is None else value < column.minimum
        high = _NEVER if column.maximum is None else value > column.maximum
        word = "not_a_whole_number" if kind == "integer" else "not_a_number"
        return _reason(text, (value.isnull(), word), (low | high, "out_of_range"))
    if kind in _WORDS:
        return _reason(text, (value.isnull(), _WORDS[kind]))
    return None


def _misdated(text: Any, value: Any, column: Column, delivered: Any) -> Any:
    if column.kind == "date":
        first, late = ibis.date(*_EARLIEST), value > delivered
    else:
        first = ibis.timestamp(f"{_EARLIEST[0]}-01-01 00:00:00")
        late = value.date() > delivered
    return _reason(
        text,
        (text.re_search(_AMBIGUOUS), "ambiguous_date"),
        (value.isnull(), "not_a_date"),
        (value < first, "too_early"),
        (_NEVER if column.future else late, "in_the_future"),
    )


def _reason(text: Any, *branches: tuple[Any, str]) -> Any:
    return ibis.cases((text.isnull(), None), *branches, else_=ibis.null("string"))
