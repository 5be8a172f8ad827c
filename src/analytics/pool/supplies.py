"""What was delivered for a study: by whom, for which days, how much empty or set aside."""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.study import Study


def listed(
    study: Study, series: dict[str, pd.Series], grades: pd.DataFrame, quarantine: pd.DataFrame
) -> pd.DataFrame:
    """List what was delivered: by whom, for which days, how much empty or set aside."""
    path = study.folder / "sources.toml"
    register = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    entries = {entry["file"]: entry for entry in register.get("table", [])}
    days = {
        f"official_{name}.csv": values.index.get_level_values("date")
        for name, values in series.items()
    }
    if len(grades):
        days["official_grades.csv"] = pd.DatetimeIndex(grades["as_of"])
    rows = []
    for file in sorted(p.name for p in study.folder.glob("*.csv")):
        entry, dates = entries.get(file, {}), days.get(file)
        values = series.get(file.removeprefix("official_").removesuffix(".csv"))
        rows.append(
            {
                "file": file,
                "publisher": entry.get("publisher"),
                "retrieved": register.get("retrieved"),
                "first_date": dates.min() if dates is not None else pd.NaT,
                "last_date": dates.max() if dates is not None else pd.NaT,
                "cells": len(values) if values is not None else pd.NA,
                "unpublished": int(values.isna().sum()) if values is not None else pd.NA,
                "set_aside": int((quarantine["file"] == file).sum()),
                "verified": _sha256(study.folder / file) == entry["sha256"]
                if "sha256" in entry
                else pd.NA,
            }
        )
    return pd.DataFrame(rows).astype(
        {"cells": "Int64", "unpublished": "Int64", "verified": "boolean"}
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
