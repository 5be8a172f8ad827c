"""Blocks on the targets of the command's special teams: by team, and what is overdue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analytics.render.blocks import Column, Decision, Section, Table, Text
from analytics.render.tabular import rows

_COUNTS = (
    Column("set", Text("下达", "Set"), "number"),
    Column("in_time", Text("按时完成", "Reached in time"), "number"),
    Column("late", Text("逾期完成", "Reached late"), "number"),
    Column("open", Text("未到期", "Open"), "number"),
    Column("overdue", Text("逾期未完成", "Overdue"), "number"),
)


def teams(rows: Iterable[Mapping[str, Any]]) -> Table:
    """
    Targets by team.

    Parameters
    ----------
    rows : iterable of mapping
        Rows of what `analytics.loop.targets.by_team` gives.
    """
    shown = tuple(
        {"team": row["team"], **{column.key: int(row[column.key]) for column in _COUNTS}}
        for row in rows
    )
    columns = (Column("team", Text("专班", "Special team")), *_COUNTS)
    return Table(Text("按专班", "By team"), columns, shown, name="targets-teams")


def section(targets: pd.DataFrame, counted: pd.DataFrame, names: Mapping[str, Text]) -> Section:
    """
    Show how the targets stand, and every one that is overdue.

    Parameters
    ----------
    targets : pandas.DataFrame
        As `analytics.loop.targets.standing` gives.
    counted : pandas.DataFrame
        As `analytics.loop.targets.by_team` gives.
    names : mapping of str to Text
        Names of areas by code.
    """
    if targets.empty:
        return Section(title=Text("专班目标：无数据", "Targets of special teams: no data"))
    late = targets[targets["standing"] == "overdue"]
    entries = tuple(
        {"target": row["target"], "team": row["team"], "wording": row["wording"],
         "area": names.get(str(row["county"]), str(row["county"])),
         "due": f"{row['due']:%Y-%m-%d %H:%M}", "days": round(row["days"], 1)}
        for row in rows(late)
    )  # fmt: skip
    columns = (
        Column("target", Text("目标编号", "Target")),
        Column("team", Text("专班", "Special team")),
        Column("wording", Text("任务", "What is to be reached")),
        Column("area", Text("地区", "Area")),
        Column("due", Text("时限", "Due")),
        Column("days", Text("逾期天数", "Days overdue"), "number"),
    )
    overdue = Table(
        Text("逾期未完成的目标", "Overdue targets"), columns, entries, name="targets-overdue"
    )
    are = "is" if len(late) == 1 else "are"
    return Section(
        title=Text(f"专班目标{len(targets)}项，逾期未完成{len(late)}项",
                   f"Of {len(targets):,} targets of special teams, {len(late):,} {are} overdue"),
        tables=(teams(rows(counted)), *((overdue,) if entries else ())),
        note=Text("责任清单由指挥部下达；责任人姓名不进入归档库。",
                  "The duty roster comes from the command; names of officers are not archived."),
    )  # fmt: skip


def decisions(counted: pd.DataFrame) -> list[Decision]:
    """
    Press on teams whose targets are overdue.

    Parameters
    ----------
    counted : pandas.DataFrame
        As `analytics.loop.targets.by_team` gives.
    """
    return [
        Decision(
            what=Text(f"督办逾期目标{row['overdue']}项",
                      f"Press on overdue targets: {row['overdue']:,}"),
            who=Text(row["team"], row["team"]),
            due=Text(f"最长逾期{row['days']:.1f}天", f"overdue by up to {row['days']:.1f} d"),
        )
        for row in rows(counted)
        if row["overdue"]
    ]  # fmt: skip
