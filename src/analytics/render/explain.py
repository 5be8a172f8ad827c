"""
Why: one name for every result that asks for it, and one shape of answer.

Each function gives a section: its title is the answer, its paragraphs say why, its tables hold
the numbers. It shows itself in JupyterLab in both languages and saves itself (``to_xlsx``).

    >>> from analytics.render import explain
    >>> explain.grade(grades, "420100", assessment, rule)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from analytics.analysis import screening
from analytics.analysis.channel import checkpoints as staffing
from analytics.analysis.health_code import Rules, words
from analytics.analysis.screening.protocols import Protocols
from analytics.render.blocks import Column, Section, Table, Text
from analytics.render.numbers import number, percent
from analytics.render.resettlement.explanation import explain as allocation
from analytics.render.risk.explanation import explain as grade

__all__ = ["allocation", "category", "checkpoints", "code", "grade", "link"]


def code(change: Mapping[str, Any], rules: Rules) -> Section:
    """
    Say why a person has a health code, in the words its holder reads.

    Parameters
    ----------
    change : mapping
        One row of CODE_CHANGES.
    rules : Rules
        That hold the row's rule and version.

    Raises
    ------
    StudyError
        If the rules do not hold the row's rule in its version.
    """
    return _section(words.explain(change, rules))


def category(
    trace: Iterable[dict[str, Any]], person: str, protocols: Protocols, as_of: date
) -> Section:
    """
    Say why a person is screened into a category: each rule with its evidence.

    Parameters
    ----------
    trace : iterable of dict
        Rows of the MATCHES table.
    person : str
        The purpose's pseudonym.
    protocols : Protocols
    as_of : date
        As screened.
    """
    return _section(screening.explain(trace, person, protocols, as_of))


def checkpoints(plan: staffing.CheckpointPlan) -> Section:
    """
    Say what a budget of staff does at the gates, and what lacks.

    Parameters
    ----------
    plan : CheckpointPlan
    """
    return _section(staffing.explain(plan))


def link(evidence: pd.DataFrame) -> Section:
    """
    Say why two records were linked or not: the weight of each comparison, added up.

    Parameters
    ----------
    evidence : pandas.DataFrame
        ``linkage.explain`` of the pair; no personal value is in it.
    """
    from analytics.pool.linkage.reviewing import COMPARISONS, LEVELS

    total = float(evidence["total"].iloc[-1])
    weight, chance = number(total, 1), percent(1 / (1 + 2**-total))
    spoken = {**COMPARISONS, "prior": "先验"}
    levels = {**LEVELS, "rarity": "罕见程度", "": "—"}
    rows = [
        {
            "comparison": Text(spoken.get(row["comparison"], row["comparison"]), row["comparison"]),
            "level": _level(str(row["level"]), levels),
            **{name: _known(row[name]) for name in ("m", "u", "weight", "total")},
        }
        for row in evidence.to_dict("records")
    ]
    digits = {"m": 4, "u": 4, "weight": 1, "total": 1}
    labels = {
        "m": Text("同一人时的可能性", "Chance if one person"),
        "u": Text("非同一人时的可能性", "Chance if two"),
        "weight": Text("权重（比特）", "Weight (bits)"),
        "total": Text("累计（比特）", "Added up (bits)"),
    }
    return Section(
        title=Text(f"两条记录为同一人的可能性{chance.zh}（权重{weight.zh}比特）",
                   f"The two records are one person's with a chance of {chance.en} "
                   f"({weight.en} bits)"),
        tables=(Table(
            caption=Text("各项比较的权重", "Weight of each comparison"),
            columns=(
                Column("comparison", Text("比较", "Comparison")),
                Column("level", Text("结果", "Level")),
                *(Column(name, labels[name], "number", decimals=digits[name]) for name in labels),
            ),
            rows=tuple(rows), name="link-weights",
        ),),
    )  # fmt: skip


def _section(lines: Sequence[Mapping[str, str]]) -> Section:
    """Lay out lines of which the first is the answer."""
    title, *more = (Text(line["zh"], line["en"]) for line in lines)
    return Section(title=title, paragraphs=tuple(more))


def _level(label: str, spoken: Mapping[str, str]) -> Text:
    """Words of a level; one that holds within a household says so."""
    bare = label.removeprefix("household: ")
    within = "同户：" if bare != label else ""
    return Text(f"{within}{spoken.get(bare, bare)}", label or "—")


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
