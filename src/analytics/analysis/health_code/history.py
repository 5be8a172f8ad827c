"""
Every person's code through time, each change with its reason.

GROUNDS
    One row per piece of evidence a rule applies to: person, rank, rule, version, code,
    category, since [of the evidence], start, end, expected [when it applies; ends that nobody has
    set are `rules.OPEN`].
CODE_CHANGES
    One row per person and change: person, since, code, rule, version, evidence, category,
    evidence_since, changes [earliest change, if nothing new comes; empty where only a new record
    can change it]. A code holds until the next row. An empty code says that the last ground is
    gone: nobody may show a code then.

A code is a function of evidence and rules alone: what was decided at a moment can be decided
again from what was known at it.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from analytics.analysis.health_code import rules as rulebook
from analytics.analysis.health_code.rules import OPEN, SEVERITY, Rules
from analytics.engine import asof

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

SHOWN = ("code", "rule", "version", "changes")
_STORY = ("code", "rule", "version", "category", "evidence_since", "changes")


def grounds(evidence: ir.Table, rules: Rules, upheld: ir.Table | None = None) -> ir.Table:
    """
    Find what each rule applies to, and when.

    Parameters
    ----------
    evidence : EVIDENCE table
    rules : Rules
    upheld : ibis.Table, optional
        person, rule, decided: appeals that were right. What the rule held against the person
        before ends with the decision.

    Returns
    -------
    GROUNDS table
        A rule applies from when the record was known and the rule was in force.
    """
    import ibis

    book = rulebook.table(rules)
    met = evidence.join(book, evidence["kind"] == book["kind"])
    met = met.filter((met["prefix"] == "") | met["category"].startswith(met["prefix"]))
    open_end = ibis.literal(OPEN, "timestamp(6)")
    day = ibis.interval(days=1)
    beyond = met["after_days"] * day

    def ends(stated: ir.Value) -> ir.Value:
        limit = (met["since"] + met["days"] * day).fill_null(
            ibis.ifelse(stated.isnull(), open_end, stated + beyond)
        )
        return ibis.least(limit, met["last"])

    found = met.select(
        "person",
        "rank",
        "rule",
        "version",
        "code",
        "category",
        "since",
        start=ibis.greatest(met["known"], met["first"]),
        end=ends(met["until"]),
        expected=ends(met["expected"]),
    )
    if upheld is not None:
        found = _corrected(found, upheld)
    return found.filter(found["start"] < found["end"])


def _corrected(found: ir.Table, upheld: ir.Table) -> ir.Table:
    """End what a rule held against a person when an appeal against it was upheld."""
    import ibis

    decided = upheld.select(
        _person=upheld["person"], _rule=upheld["rule"], decided=upheld["decided"]
    )
    same = [found["person"] == decided["_person"], found["rule"] == decided["_rule"]]
    untouched = found.anti_join(decided, same)
    pairs = found.join(decided, same)
    after = (pairs["start"] <= pairs["decided"]).ifelse(pairs["decided"], None)
    touched = pairs.group_by(found.columns).agg(_decided=after.min())
    never = ibis.literal(OPEN, "timestamp(6)")
    end = ibis.least(touched["end"], touched["_decided"].fill_null(never))
    return untouched.union(touched.mutate(end=end).select(found.columns))


def changes(found: ir.Table, rules: Rules) -> ir.Table:
    """
    Tell each person's code through time.

    Parameters
    ----------
    found : GROUNDS table
    rules : Rules

    Returns
    -------
    CODE_CHANGES table
        One sort for all; nothing is compared with each other.

    Notes
    -----
    A ground of a rule is active at t if the latest end of those begun by t lies after t: for
    each rule one running greatest value along a person's moments tells it. The first active rule
    in order decides.
    """
    import ibis

    ranks = range(len(rules.ordered))
    moments = _moments(found, ranks)
    along = ibis.window(group_by="person", order_by="since", preceding=None, following=0)
    latest = moments.mutate(**{f"r{k}": moments[f"r{k}"].max().over(along) for k in ranks})
    active = {k: (latest[f"r{k}"]["end"] > latest["since"]).fill_null(False) for k in ranks}  # noqa: FBT003

    def decided(read: str, kind: str) -> ir.Value:
        cases = [(active[k], latest[f"r{k}"][read]) for k in ranks]
        return ibis.cases(*cases, else_=ibis.null(kind))

    def constant(values: list[str]) -> ir.Value:
        return ibis.cases(*((active[k], values[k]) for k in ranks), else_=ibis.null("string"))

    ordered = rules.ordered
    told = latest.select(
        "person",
        "since",
        code=constant([str(r.code) for r in ordered]),
        rule=constant([r.id for r in ordered]),
        version=constant([r.version for r in ordered]),
        evidence=constant([r.evidence for r in ordered]),
        category=decided("category", "string"),
        evidence_since=decided("since", "timestamp(6)"),
        changes=_earliest(latest, active, rules),
    )
    before = ibis.window(group_by="person", order_by="since")
    same = [told[name].identical_to(told[name].lag().over(before)) for name in _STORY]
    first = ibis.row_number().over(before) == 0
    marked = told.mutate(_new=first | reduce(or_, [~each for each in same]))
    return marked.filter(marked["_new"]).drop("_new")


def _moments(found: ir.Table, ranks: range) -> ir.Table:
    """Each moment a person's grounds begin or end, with what begins there, by rule."""
    import ibis

    content = {
        "end": found["end"],
        "expected": found["expected"],
        "since": found["since"],
        "category": found["category"],
    }
    begun = found.select(
        "person", at=found["start"], rank=found["rank"], ground=ibis.struct(content)
    )
    nothing = ibis.null(begun.schema()["ground"])
    ended = found.filter(found["end"] < ibis.literal(OPEN, "timestamp(6)"))
    ended = ended.select("person", at=ended["end"], rank=ibis.literal(-1, "int64"), ground=nothing)
    events = begun.union(ended)
    return events.group_by("person", since="at").agg(
        **{f"r{k}": events["ground"].max(where=events["rank"] == k) for k in ranks}
    )


def _earliest(latest: ir.Table, active: dict[int, ir.Value], rules: Rules) -> ir.Value:
    """When the deciding colour ends if nothing new comes: the last of its active grounds."""
    import ibis

    never = ibis.literal(OPEN, "timestamp(6)")
    past = ibis.literal(OPEN.replace(year=1), "timestamp(6)")
    cases = []
    for colour in SEVERITY:
        own = [k for k, rule in enumerate(rules.ordered) if rule.code == colour]
        if not own:
            continue
        ends = [active[k].ifelse(latest[f"r{k}"]["expected"], past) for k in own]
        last = ibis.greatest(*ends) if len(ends) > 1 else ends[0]
        cases.append((reduce(or_, [active[k] for k in own]), last))
    found = ibis.cases(*cases, else_=never)
    return (found == never).ifelse(ibis.null("timestamp(6)"), found)


def at(history: ir.Table, asked: ir.Table, when: str, values: Sequence[str] = SHOWN) -> ir.Table:
    """
    Give each row of a table its person's code at its time.

    Parameters
    ----------
    history : CODE_CHANGES table
    asked : ibis.Table
        Any table with ``person`` and a time, such as passes.
    when : str
        Name of the time.
    values : sequence of str
        Columns of the history to bring over.

    Returns
    -------
    ibis.Table
        All rows of `asked` with code, rule, version, changes (or what was asked for); null for
        persons who had none.
    """
    return asof(
        asked,
        history,
        on=(when, "since"),
        by=["person"],
        values=values,
        unique=True,
    )
