"""Numbers and dates as people write them in Chinese and in English."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from analytics.render.blocks import Language, Text

_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def written(value: float, language: Language, decimals: int | None = None) -> str:
    """
    Digits of a number: thousands separated in English, plain in Chinese.

    Parameters
    ----------
    value : int or float
        What to show; a minus is shown as U+2212.
    language : {"zh", "en"}
        Language of the page.
    decimals : int, optional
        Digits after the point; without it an integer has none and a float up to two.

    Returns
    -------
    str
        As people write it.
    """
    separator = "," if language == "en" else ""
    if decimals is not None:
        text = f"{float(value):{separator}.{decimals}f}"
    elif isinstance(value, int) or float(value).is_integer():
        text = f"{int(value):{separator}d}"
    else:
        text = f"{value:{separator}.2f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def number(value: Any, digits: int = 0) -> Text:
    """Write a number in both languages; "—" if it is unknown."""
    import pandas as pd

    if pd.isna(value):
        return Text("—", "—")
    return Text(written(value, "zh", digits), written(value, "en", digits))


def percent(share: float, digits: int = 1) -> Text:
    """Write a share of 1 as a percentage."""
    text = number(share * 100, digits)
    return Text(f"{text.zh}%", f"{text.en}%")


def day(when: date, *, year: bool = True) -> Text:
    """Write a date: 2020年2月29日, 29 Feb 2020."""
    zh, en = f"{when.month}月{when.day}日", f"{when.day} {_MONTHS[when.month - 1]}"
    return Text(f"{when.year}年{zh}", f"{en} {when.year}") if year else Text(zh, en)


def change(value: Any, since: Text, within: Text) -> Text:
    """
    Say a change by its sign and in words: +147，较前一日增加; +147, up in a day.

    Parameters
    ----------
    value : int or missing
        Now less then.
    since : Text
        What it is compared with: 前一日, a day before.
    within : Text
        How long it took: 一日, in a day.

    Returns
    -------
    Text
        Short enough for one line under a headline figure.
    """
    import pandas as pd

    if pd.isna(value):
        return Text(f"较{since.zh}：无法比较", f"no comparison: {since.en}")
    step = int(value)
    if step == 0:
        return Text(f"0，与{since.zh}持平", f"0, same as {since.en}")
    sign, size = "+" if step > 0 else "−", number(abs(step))
    words = Text("增加", "up") if step > 0 else Text("减少", "down")
    return Text(
        f"{sign}{size.zh}，较{since.zh}{words.zh}", f"{sign}{size.en}, {words.en} {within.en}"
    )


def counted(value: int, noun: Text, plural: str) -> Text:
    """Write a number with its noun: 1 county, 3 counties; 3个县（市、区）."""
    text = number(value)
    return Text(f"{text.zh}{noun.zh}", f"{text.en} {noun.en if value == 1 else plural}")


def listed(items: list[Text]) -> Text:
    """Join names: 甲、乙; A, B and C."""
    zh = "、".join(item.zh for item in items)
    names = [item.en for item in items]
    en = ", ".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}"  # noqa: PLR2004
    return Text(zh, en)
