"""
Residents' health codes: declarative rules over linked records, every code with its reason.

``history.changes(history.grounds(evidence.gather(records, rules), rules), rules)`` tells every
person's code through time; the parts are in modules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.analysis.health_code import (
    appeals,
    certificate,
    evidence,
    fairness,
    history,
    rules,
    whereabouts,
    words,
)
from analytics.analysis.health_code.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

__all__ = [
    "Rules",
    "appeals",
    "certificate",
    "evidence",
    "fairness",
    "history",
    "rules",
    "tell",
    "whereabouts",
    "words",
]


def tell(
    records: Mapping[str, ir.Table], rules: Rules, appealed: ir.Table | None = None
) -> ir.Table:
    """
    Tell each person's code through time from linked records.

    Parameters
    ----------
    records : mapping of str to ibis.Table
        As `evidence.gather` takes them.
    rules : Rules
    appealed : CODE_APPEALS table, optional
        Those upheld are put right.

    Returns
    -------
    CODE_CHANGES table
    """
    found = history.grounds(
        evidence.gather(records, rules),
        rules,
        None if appealed is None else appeals.upheld(appealed),
    )
    return history.changes(found, rules)
