"""Cells of published tables: texts made into codes and days."""

from __future__ import annotations

import unicodedata

import pandas as pd

_DAY_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日")


def code(text: str) -> str:
    """Region code as plain digits: full-width digits, blanks and a trailing ".0" are undone."""
    return unicodedata.normalize("NFKC", str(text)).strip().removesuffix(".0")


def day(texts: pd.Series) -> pd.Series:
    """Days from texts in ISO, slashed, compact or Chinese form, empty where it is none."""
    plain = texts.astype(str).map(lambda text: unicodedata.normalize("NFKC", text).strip())
    days = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us]")
    for form in _DAY_FORMATS:
        days = days.fillna(
            pd.to_datetime(plain, format=form, errors="coerce").astype("datetime64[us]")
        )
    return days
