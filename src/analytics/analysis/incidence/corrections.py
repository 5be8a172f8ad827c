"""
The list of corrections: what was changed, why, and on what evidence.

Tables
------
CORRECTIONS
    series (confirmed, recovered, deaths; empty where rows as such are meant), adcode, name,
    kind, first_date, last_date, amount [cases, or rows where rows are meant], decided (bool:
    false where the evidence allows no answer and the published figure stands), reason,
    evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

KINDS = (
    "naming_variant",
    "pseudo_area",
    "duplicate_row",
    "contradictory_rows",
    "double_counted",
    "unreadable_count",
    "unusable_column",
    "reporting_lag",
    "missing_days",
    "not_broken_down",
    "false_zero",
    "dip",
    "frozen",
    "definition_change",
    "reporting_step",
    "retraction",
)
COLUMNS = (
    "series",
    "adcode",
    "name",
    "kind",
    "first_date",
    "last_date",
    "amount",
    "decided",
    "reason",
    "evidence",
)


@dataclass
class Log:
    """Corrections as they are made; ``series`` and ``names`` stand for the rows that follow."""

    series: str = ""
    names: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, object]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        adcode: str,
        days: tuple[object, object],
        *,
        amount: float,
        reason: str,
        evidence: str,
        name: str | None = None,
        decided: bool = True,
    ) -> None:
        """
        Note one correction of an area's first to last day.

        Parameters
        ----------
        kind : str
            What was done; one of `KINDS`.
        adcode : str
            Of the area; empty for the whole table.
        days : tuple
            First and last day, both in.
        amount : float
            Cases moved, or days blanked, as the kind says.
        reason, evidence : str
            In words, with their numbers.
        name : str, optional
            Of the area, where it is not among the log's names.
        decided : bool
            False where later numbers can still undo it.
        """
        label = self.names.get(adcode, adcode) if name is None else name
        values = (self.series, adcode, label, kind, *days, float(amount), decided)
        self.rows.append(dict(zip(COLUMNS, (*values, reason, evidence), strict=True)))

    def table(self) -> pd.DataFrame:
        """All corrections, by kind in the order in which they are made, then area and day."""
        found = pd.DataFrame(self.rows, columns=list(COLUMNS))
        order = found["kind"].map({kind: at for at, kind in enumerate(KINDS)})
        keys = found.assign(order=order).sort_values(
            ["order", "series", "adcode", "first_date"], kind="stable"
        )
        return keys.drop(columns="order").reset_index(drop=True)
