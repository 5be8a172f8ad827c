"""Appeals against a code: what was contested, by when it is to be decided, what was put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.analysis.health_code.history import at
from analytics.analysis.health_code.rules import Rules

if TYPE_CHECKING:
    from datetime import datetime

    import ibis.expr.types as ir


def upheld(appeals: ir.Table) -> ir.Table:
    """
    Appeals that were right, as `history.grounds` takes them.

    Parameters
    ----------
    appeals : CODE_APPEALS table
        With ``person``.

    Returns
    -------
    ibis.Table
        person, rule, decided.
    """
    right = (appeals["outcome"] == "upheld") & appeals["decided"].notnull()
    return appeals.filter(right & appeals["person"].notnull()).select("person", "rule", "decided")


def account(appeals: ir.Table, history: ir.Table, rules: Rules, moment: datetime) -> ir.Table:
    """
    Account for each appeal: the code it contested, its deadline, and how it stands.

    Parameters
    ----------
    appeals : CODE_APPEALS table
        With ``person``.
    history : CODE_CHANGES table
    rules : Rules
        Say within how many days an appeal is decided.
    moment : datetime
        Now, without a zone.

    Returns
    -------
    ibis.Table
        appeal_number, person, filed, deadline, state (pending, overdue, upheld, refused,
        upheld_late, refused_late), code and rule held when it was filed. No appeal is left out,
        not even of persons without a code.
    """
    import ibis

    now = ibis.literal(moment, "timestamp(6)")
    known = appeals.filter(appeals["filed"] <= now)
    asked = known.select(
        "appeal_number",
        "person",
        "filed",
        deadline=known["filed"] + ibis.interval(days=rules.appeal_days),
        decided=(known["decided"] <= now).ifelse(known["decided"], None),
        outcome=known["outcome"],
    )
    held = at(history, asked, "filed")
    late = held["decided"] > held["deadline"]
    state = ibis.cases(
        (held["decided"].isnull() & (now > held["deadline"]), ibis.literal("overdue")),
        (held["decided"].isnull(), ibis.literal("pending")),
        (late, held["outcome"].concat("_late")),
        else_=held["outcome"],
    )
    return held.mutate(state=state).select(
        "appeal_number", "person", "filed", "deadline", "state", "code", "rule"
    )
