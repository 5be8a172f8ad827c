"""Cells of published tables: texts made into codes, days and counts, or set aside."""

from __future__ import annotations

import unicodedata

import pandas as pd

QUARANTINE = ["file", "line", "column", "reason"]

_DAY_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日")


def code(text: str) -> str:
    """Region code as plain digits: full-width digits, blanks and a trailing ".0" are undone."""
    return unicodedata.normalize("NFKC", str(text)).strip().removesuffix(".0")


def count(texts: pd.Series) -> pd.Series:
    """
    Whole numbers of persons from texts, empty where there is none.

    Full-width digits, thousands separators and ".0" are read; a sign, a fraction or a word is not.
    """
    plain = texts.astype(str).map(lambda text: unicodedata.normalize("NFKC", text).strip())
    plain = plain.str.replace(r"(?<=\d)[, ](?=\d{3}\b)", "", regex=True)
    digits = plain.str.extract(r"^(\d{1,15})(?:\.0+)?$", expand=False)
    return pd.to_numeric(digits, errors="coerce").astype("Int64")


def day(texts: pd.Series) -> pd.Series:
    """Days from texts in ISO, slashed, compact or Chinese form, empty where it is none."""
    plain = texts.astype(str).map(lambda text: unicodedata.normalize("NFKC", text).strip())
    days = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us]")
    for form in _DAY_FORMATS:
        days = days.fillna(
            pd.to_datetime(plain, format=form, errors="coerce").astype("datetime64[us]")
        )
    return days


def quarantined(cells: pd.DataFrame, file: str) -> pd.DataFrame:
    """Where cells stand that were set aside, and why; never what they hold."""
    return cells.assign(file=file)[QUARANTINE].reset_index(drop=True)
