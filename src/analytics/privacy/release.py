"""
The single door for every figure that leaves as report, download or hover text.

A table passes when an attacker who knows everything released so far can neither work out a
hidden cell nor prove that it lies below the threshold. Else cells are hidden until that
holds, or a stated coarser table leaves in its place, or nothing does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from analytics.errors import DisclosureError
from analytics.methods.suppression.attack import Integers, Verdict
from analytics.methods.suppression.rounding import controlled_rounding, random_rounding
from analytics.methods.suppression.sensitivity import DominanceRule, PercentRule
from analytics.privacy import joint
from analytics.privacy.decision import Problem, decide, differ, pose
from analytics.privacy.layout import (
    Dimension,
    Rounding,
    TableSpec,
    cell_labels,
    leaf_values,
    lift,
    with_margins,
)
from analytics.privacy.releases import Entry, Ledger, ledger_of

__all__ = [
    "Certificate",
    "Dimension",
    "DominanceRule",
    "Ledger",
    "PercentRule",
    "Released",
    "Rounding",
    "TableSpec",
    "ledger_of",
    "release",
]


@dataclass(frozen=True)
class Certificate:
    """
    What the audit proved of a release.

    Parameters
    ----------
    asked : int
        Sums the attacker was set on: hidden cells, and sums only several releases tell.
    exact, small : int
        How many it worked out, and how many it proved below their floor; 0 in every release.
    programmes : int
        Linear programmes it solved.
    earlier : int
        Earlier releases it knew besides.
    threshold : int
        Every hidden count may, for all anyone can prove, be this large.
    """

    asked: int
    exact: int
    small: int
    programmes: int
    earlier: int
    threshold: int


@dataclass(frozen=True, eq=False)
class Released:
    """
    What may leave, and what stays inside.

    Parameters
    ----------
    table : DataFrame
        One row per cell, margins included: labels, the measure (missing where hidden), and
        ``hidden``. It does not say why a cell is hidden: that alone would tell it is small.
    spec : TableSpec
        What was released; coarser than asked if ``coarser``.
    outcome : {"published", "hidden", "rounded"}
        Which rule let it pass.
    coarser : bool
        Whether a coarser table stands in.
    statement : mapping of str to str
        The sentence to print beside it, ``zh`` and ``en``.
    certificate : Certificate
        What the audit proved.
    identity : str
        Name under which a later release may say that it corrects this one.
    reasons : DataFrame
        INSIDE ONLY. Labels and reason (small, small increment, dominance, protects another)
        of every hidden cell.
    intervals : DataFrame
        INSIDE ONLY. Labels and two values (low, high) that tables fitting everything
        published attain for every hidden cell; the attacker's own interval contains both.
        Without rows where the table leaves again as it left before.
    """

    table: pd.DataFrame
    spec: TableSpec
    outcome: Literal["published", "hidden", "rounded"]
    coarser: bool
    statement: dict[str, str]
    certificate: Certificate
    identity: str
    reasons: pd.DataFrame
    intervals: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """INSIDE ONLY. Cells, hidden cells, and hidden cells by reason."""
        tally = self.reasons["reason"].value_counts()
        by_reason = {str(reason): int(count) for reason, count in tally.items()}
        return {"cells": len(self.table), "hidden": len(self.reasons), **by_reason}


def release(table: pd.DataFrame, spec: TableSpec, ledger: Ledger) -> Released:
    """
    Let a table leave, as far as it may.

    Parameters
    ----------
    table : DataFrame
        Leaf cells in any order, one row each (absent ones count zero): a column of labels per
        dimension and the measure; margins are computed, never taken over. With contributors:
        one row per contribution.
    spec : TableSpec
        What it is and by which rules it leaves.
    ledger : Ledger
        Everything released before; what leaves is added to it.

    Returns
    -------
    Released
        The same for the same table, spec and ledger, whatever the order of rows.

    Raises
    ------
    DisclosureError
        If the table does not fit its spec, contradicts what was released, cannot be audited,
        or would tell on somebody however coarse. Counts only; no values.
    BusyError
        If another release holds the ledger.
    AuditError
        If the ledger was changed.

    Notes
    -----
    A table that left before leaves again as it was: whoever saw it learns nothing new, and all
    that left since was held against it. Hidden cells are fewest by cuts in the table's circulation
    (Gusfield 1988; Fischetti and Salazar 2001); the gate is the verdict of an attack that shares
    no code with it.
    """
    with ledger.held():
        history = ledger.entries()
        if spec.corrects:
            history = [entry for entry in history if entry.identity not in spec.corrects]
        rows = leaf_values(table, spec)
        released = _again(rows, spec, history) or _coarsening(rows, spec, history)
        ledger.append(_entry_of(released))
    return released


def _again(rows: pd.DataFrame, spec: TableSpec, history: list[Entry]) -> Released | None:
    """Find the table as it left before, at whatever level; None if it did not, or has changed."""
    if spec.published or spec.rounding or spec.contributor:
        return None
    current: TableSpec | None = spec
    while current is not None:
        values = with_margins(rows, current)
        blank = current.entry([None] * len(values), [None] * len(values))
        asked = (blank.name, blank.as_of, blank.covers)
        for known in (k for k in history if (k.name, k.as_of, k.covers) == asked):
            hidden = np.array([limit is None for limit in known.lower], bool)
            limits: list[int | None] = [
                None if dark else int(value) for value, dark in zip(values, hidden, strict=True)
            ]
            if known.repeats(current.entry(limits, limits)):
                return _wrap(
                    values, hidden, np.full(len(hidden), "left before", object), None, current,
                    len(history), coarser=current is not spec,
                )  # fmt: skip
        upper = current.coarser()
        if upper is not None:
            rows = lift(rows, current, upper)
        current = upper
    return None


def _coarsening(rows: pd.DataFrame, spec: TableSpec, history: list[Entry]) -> Released:
    """Try the table, then ever coarser ones, until one keeps most of its cells."""
    asked: TableSpec = spec
    current: TableSpec | None = spec
    refusal: DisclosureError | None = None
    while current is not None:
        try:
            released = _attempt(rows, current, history, coarser=current is not asked)
        except DisclosureError as error:
            refusal = error
        else:
            if released is not None and _vanished(released.table, current) <= current.vanish:
                return released
        upper = current.coarser()
        if upper is not None:
            rows = lift(rows, current, upper)
        current = upper
    raise refusal or DisclosureError(
        f"table '{asked.name}' may not leave: most of its cells would vanish at every level",
        remedy="count over more days or a wider area",
    )


def _vanished(cells: pd.DataFrame, spec: TableSpec) -> float:
    """Share of hidden cells among those that are no margin."""
    inside = np.logical_and.reduce([cells[d.name].isin(d.leaves) for d in spec.dimensions])
    return float(cells["hidden"].to_numpy(bool)[inside].mean())


def _attempt(
    rows: pd.DataFrame, spec: TableSpec, history: list[Entry], *, coarser: bool
) -> Released | None:
    """One table at one level; None if its sensitive cells alone are too many."""
    values = with_margins(rows, spec)
    if spec.published:
        return _publish(values, spec)
    blank: list[int | None] = [None] * len(values)
    earlier = joint.bound_together(spec.entry(blank, blank), history)
    problem = pose(rows, values, spec, earlier)
    if spec.rounding:
        return _round(values, problem, spec, spec.rounding, len(earlier), coarser=coarser)
    sensitive = cell_labels(spec).assign(hidden=problem.need > 0)
    if _vanished(sensitive, spec) > spec.vanish:
        return None
    decision = decide(problem, spec)
    return _wrap(
        values, decision.hidden, decision.reason, decision.verdict, spec, len(earlier),
        coarser=coarser,
    )  # fmt: skip


def _publish(values: Integers, spec: TableSpec) -> Released:
    """Official figures pass as they are."""
    none = np.zeros(len(values), bool)
    labels = cell_labels(spec)
    statement = {
        "en": "Official published figures, shown as published.",
        "zh": "官方已公布数据，按公布口径原样列示。",
    }
    limits: list[int | None] = values.tolist()
    return Released(
        _table(labels, values, none, spec), spec, "published", coarser=False,
        statement=statement, certificate=Certificate(0, 0, 0, 0, 0, 0),
        identity=spec.entry(limits, limits).identity,
        reasons=labels[none].assign(reason=""), intervals=labels[none].assign(low=0, high=0),
    )  # fmt: skip


def _wrap(
    values: Integers,
    hidden: np.ndarray,
    reason: np.ndarray,
    verdict: Verdict | None,
    spec: TableSpec,
    earlier: int,
    *,
    coarser: bool,
) -> Released:
    """Put a decided table, its statement and its proof together."""
    labels, count = cell_labels(spec), int(hidden.sum())
    limits: list[int | None] = [
        None if dark else int(value) for value, dark in zip(values, hidden, strict=True)
    ]
    return Released(
        table=_table(labels, values, hidden, spec),
        spec=spec,
        outcome="hidden",
        coarser=coarser,
        statement=_statement(spec, count, len(values), coarser=coarser),
        certificate=Certificate(
            len(verdict.low) if verdict else 0,
            0,
            0,
            verdict.programmes if verdict else 0,
            earlier,
            spec.threshold,
        ),
        identity=spec.entry(limits, limits).identity,
        reasons=labels[hidden].assign(reason=reason[hidden]),
        intervals=labels[hidden].assign(low=verdict.low[:count], high=verdict.high[:count])
        if verdict
        else labels[:0].assign(low=0, high=0),
    )


def _statement(spec: TableSpec, hidden: int, cells: int, *, coarser: bool) -> dict[str, str]:
    """Sentence to print beside the table."""
    english = (
        f"{hidden} of {cells:,} cells are hidden so that no count below {spec.threshold} can be "
        "worked out."
    )
    chinese = f"{cells} 个单元格中有 {hidden} 个隐去，以免推算出小于 {spec.threshold} 的人数。"
    if spec.contributor:
        english = f"{hidden} of {cells:,} cells are hidden to protect single contributors."
        chinese = f"{cells} 个单元格中有 {hidden} 个隐去，以保护个别贡献者。"
    if coarser:
        english = "A coarser table is shown: in finer detail most cells would vanish. " + english
        chinese = "细分后大部分单元格须隐去，故改列较粗分组。" + chinese
    return {"en": english, "zh": chinese}


def _round(
    values: Integers,
    problem: Problem,
    spec: TableSpec,
    rounding: Rounding,
    earlier: int,
    *,
    coarser: bool,
) -> Released:
    """Round every cell and attack the result."""
    labels, base = cell_labels(spec), rounding.base
    context = f"{spec.population}|{spec.measure}|{spec.since}|{spec.as_of}|"
    names = [context + "|".join(row) for row in labels.to_numpy().tolist()]
    if rounding.method == "random":
        rounded = random_rounding(values, base, rounding.key, names)
    else:
        rounded = controlled_rounding(values, _additivity(spec), base, rounding.key, names)
    lower, upper = np.maximum(rounded - base + 1, 0), rounded + base - 1
    verdict = differ(problem, lower, upper, spec)
    none = np.zeros(len(values), bool)
    english = f"All figures are rounded to multiples of {base}"
    kept = rounding.method == "controlled"
    english += "; totals are sums of what is shown." if kept else "; totals are rounded apart."
    chinese = f"所有数字均舍入为 {base} 的倍数" + ("，合计可加。" if kept else "，合计单独舍入。")
    return Released(
        table=_table(labels, rounded, none, spec),
        spec=spec,
        outcome="rounded",
        coarser=coarser,
        statement={"en": english, "zh": chinese},
        certificate=Certificate(len(verdict.low), 0, 0, verdict.programmes, earlier, 0),
        identity=spec.entry(lower.tolist(), upper.tolist()).identity,
        reasons=labels[none].assign(reason=""),
        intervals=labels[none].assign(low=0, high=0),
    )


def _additivity(spec: TableSpec) -> sparse.csr_array:
    """All sums of the table: each inner label of a dimension is the sum of those under it."""
    shape = [len(dimension.labels) for dimension in spec.dimensions]
    parts = []
    for axis, dimension in enumerate(spec.dimensions):
        place = {label: k for k, label in enumerate(dimension.labels)}
        inner = sorted(set(dimension.parents.values()), key=place.__getitem__)
        step = np.zeros((len(inner), len(place)), np.int64)
        for row, label in enumerate(inner):
            step[row, place[label]] = -1
        for child, parent in dimension.parents.items():
            step[inner.index(parent), place[child]] = 1
        left = sparse.eye_array(int(np.prod(shape[:axis], dtype=int)), dtype=np.int64)
        right = sparse.eye_array(int(np.prod(shape[axis + 1 :], dtype=int)), dtype=np.int64)
        parts.append(sparse.kron(sparse.kron(left, step), right))
    return sparse.csr_array(sparse.vstack(parts, format="csr"))


def _table(
    labels: pd.DataFrame, values: Integers, hidden: np.ndarray, spec: TableSpec
) -> pd.DataFrame:
    shown = pd.Series(values, index=labels.index, dtype="Int64").mask(hidden)
    return pd.concat([labels, shown.rename(spec.measure)], axis=1).assign(hidden=hidden)


def _entry_of(released: Released) -> Entry:
    """Ledger entry: only what the table shows."""
    spec = released.spec
    shown = released.table[spec.measure]
    figures = [None if value is pd.NA else int(value) for value in shown]
    if released.outcome != "rounded" or spec.rounding is None:
        return spec.entry(list(figures), list(figures))
    wide = spec.rounding.base - 1
    lower = [max(value - wide, 0) for value in figures if value is not None]
    return spec.entry(list(lower), [value + wide for value in figures if value is not None])
