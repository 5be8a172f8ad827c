"""First words of the risk report: masthead, lead and decisions."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from analytics.render.blocks import (
    Decision,
    Decisions,
    Lead,
    Masthead,
    Text,
)
from analytics.render.numbers import change, counted, day, listed, number
from analytics.render.risk.words import DAY_BEFORE, UNIT, name, on, places, rows
from analytics.study import Study

NAMES_AT_MOST = 8


def masthead(study: Study, as_of: date, *, retrospective: bool = False) -> Masthead:
    """Head the page: title, region, as-of day, nature of the figures, and what to know first."""
    notices = [
        Text(
            "县级逐日新增和聚集性疫情未公开，证据不足以定级的以“可能等级”列出。",
            "Daily county counts and clusters are not public: where evidence does not decide, "
            "the grades it leaves are listed.",
        )
    ]
    if retrospective:
        notices.insert(
            0,
            Text(
                "回溯：本页使用了截至日之后才公布的县级累计数，不代表当日所知。",
                "Retrospective: county totals published after the as-of day are used here; "
                "this was "
                "not known on the day.",
            ),
        )
    return Masthead(
        title=Text("疫情风险分级评估", "Epidemic risk grading"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
        notices=tuple(notices),
    )


def lead(
    study: Study,
    as_of: date,
    totals: pd.DataFrame,
    latest: pd.DataFrame,
    grades: pd.DataFrame,
    areas: pd.DataFrame,
) -> Lead:
    """
    Say in one sentence what changed and what it asks of the reader.

    Parameters
    ----------
    study : Study
    as_of : date
    totals : pandas.DataFrame
        ``incidence.total`` of the confirmed series.
    latest : pandas.DataFrame
        ``incidence.changes`` of the confirmed series on ``as_of``.
    grades : RISK table
    areas : AREAS table
    """
    when, unit = day(as_of), _unit(grades)
    open_units = counted(int((grades["size"] > 1).sum()), *unit)
    low = counted(int((grades["grade"] == "low").sum()), *unit)
    happened = _happened(study, totals, latest, areas, as_of)
    if (grades["size"] > 1).any():
        ask = Text(
            f"{low.zh}可确定为低风险；{open_units.zh}须补报县级疫情和聚集性疫情后才能定级。",
            f"{low.en} certain to be low risk; {open_units.en} cannot be graded until county "
            "counts "
            "and clusters are reported.",
        )
    else:
        ask = Text(
            f"{low.zh}为低风险，全部单元等级均已确定。",
            f"{low.en} low risk, and every unit has a certain grade.",
        )
    return Lead(Text(f"{when.zh}，{happened.zh}{ask.zh}", f"On {when.en}, {happened.en} {ask.en}"))


def _happened(
    study: Study, totals: pd.DataFrame, latest: pd.DataFrame, areas: pd.DataFrame, as_of: date
) -> Text:
    """Say what the day brought: new cases, a change of definition, or nothing known."""
    region = Text(study.region_name.zh, study.region_name.en)
    row = on(totals, as_of)
    if row is None or row["published"] == 0:
        return Text("当日疫情数据尚未公布。", "the day's figures are not yet published.")
    new = number(row["new"])
    if row["definition_change"]:
        return Text(
            f"{region.zh}累计数因病例定义变更等增加{new.zh}例，不代表当日疫情增长。",
            f"{new.en} cases were added to the count of {region.en}, when the definition of a case "
            "changed: not growth of the epidemic.",
        )
    if row["new"] == 0:
        return Text(f"{region.zh}无新增确诊。", f"{region.en} had no new case.")
    before = on(totals, as_of - timedelta(days=1))
    moved = change(row["new"] - before["new"] if before is not None else pd.NA, DAY_BEFORE)
    largest = latest.sort_values("new", ascending=False, kind="stable").iloc[0]
    where = places(areas)[str(largest["adcode"])]
    share = number(largest["new"])
    return Text(
        f"{region.zh}新增确诊{new.zh}例，{moved.zh}，其中{where.zh}{share.zh}例。",
        f"{region.en} had {new.en} new cases, {moved.en}; {share.en} of them in {where.en}.",
    )


def decisions(
    study: Study, grades: pd.DataFrame, compared: pd.DataFrame, set_aside: int = 0
) -> Decisions:
    """
    List what needs a decision, computed from the grades, the comparison and what was set aside.

    Who and by when come from the study's duties; where it names none, the page says so.
    """
    items = []
    undecided = grades[grades["size"] > 1]
    if len(undecided):
        units = counted(len(undecided), *_unit(grades))
        places = undecided["prefecture"].nunique()
        items.append(
            _decision(
                study,
                "county_counts",
                Text(
                    f"请{places}个市州上报各县逐日新增和聚集性疫情，以便{units.zh}定级。",
                    f"Have {places} prefectures report daily county counts and clusters, so that "
                    f"{units.en} can be graded.",
                ),
            )
        )
    apart = compared[compared["disagreement"].isin(["lighter", "heavier"])]
    if len(apart):
        few = [name(row) for row in rows(apart.head(NAMES_AT_MOST))]
        units = counted(len(apart), *_unit(grades))
        names = listed(few)
        more = Text("等", " and others") if len(apart) > len(few) else Text("", "")
        items.append(
            _decision(
                study,
                "official_list",
                Text(
                    f"复核与官方名单不一致的{units.zh}：{names.zh}{more.zh}。",
                    f"Review {units.en} where the official list differs: {names.en}{more.en}.",
                ),
            )
        )
    if set_aside:
        items.append(
            _decision(
                study,
                "data_quality",
                Text(
                    f"核对未能采用的{set_aside}个数据。",
                    f"Check {set_aside} published values that could not be used.",
                ),
            )
        )
    return Decisions(tuple(items))


def _decision(study: Study, task: str, what: Text) -> Decision:
    duty = next((duty for duty in study.duties if duty.task == task), None)
    if duty is None:
        return Decision(
            what,
            who=Text("本研究未设值守名单", "no duty roster in this study"),
            due=Text("未定", "not set"),
        )
    due = f"{duty.due:%H:%M}"
    return Decision(
        what, Text(duty.who.zh, duty.who.en), Text(f"每日{due}前", f"by {due} each day")
    )


def _unit(grades: pd.DataFrame) -> tuple[Text, str]:
    return UNIT["urban_area" if (grades["unit_type"] == "urban_area").any() else "county"]
