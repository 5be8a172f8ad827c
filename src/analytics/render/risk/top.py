"""First words of the risk report: masthead, lead and decisions."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from analytics.render import roster
from analytics.render.blocks import (
    Decisions,
    Lead,
    Masthead,
    Text,
)
from analytics.render.numbers import counted, listed, number
from analytics.render.risk.words import (
    UNIT,
    at,
    comparable,
    name,
    on,
    partly,
    places,
    rows,
    spanned,
)
from analytics.study import Study

NAMES_AT_MOST = 8


def masthead(study: Study, as_of: date, *, retrospective: bool = False) -> Masthead:
    """Head the page: title, region, as-of day, nature of the figures, and what to know first."""
    notices: tuple[Text, ...] = ()
    if retrospective:
        notices = (
            Text(
                "回溯：本页使用了截至日之后才公布的县级累计数，不代表当日所知。",
                "Retrospective: county totals published after the as-of day are used here; "
                "this was not known on the day.",
            ),
        )
    return Masthead(
        title=Text("疫情风险分级评估", "Epidemic risk grading"),
        region=Text(study.region_name.zh, study.region_name.en),
        as_of=as_of.isoformat(),
        nature=study.nature,
        notices=notices,
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
    happened = _happened(study, totals, latest, areas, as_of)
    asked = _asked(grades)
    return Lead(Text(happened.zh + asked.zh, f"{happened.en} {asked.en}"))


def _asked(grades: pd.DataFrame) -> Text:
    """Say how many units are certainly low, and what the others need to be graded."""
    noun, nouns = _unit(grades)
    kind = noun.zh.removeprefix("个")
    low, open_units = int((grades["grade"] == "low").sum()), int((grades["size"] > 1).sum())
    few = counted(low, noun, nouns)
    if low:
        verb = "is" if low == 1 else "are"
        certain = Text(f"{few.zh}可确定为低风险", f"{few.en} {verb} certainly low risk")
    else:
        certain = Text(f"尚无{kind}可确定为低风险", f"No {noun.en} is certainly low risk yet")
    if not open_units:
        return Text(
            f"{certain.zh}，全部单元等级均已确定。", f"{certain.en}; every unit has its grade."
        )
    others = counted(open_units, noun, nouns)
    return Text(
        f"{certain.zh}；{others.zh}须补报县级疫情和聚集性疫情方能定级。",
        f"{certain.en}; {others.en} cannot be graded without county counts and clusters.",
    )


def _happened(
    study: Study, totals: pd.DataFrame, latest: pd.DataFrame, areas: pd.DataFrame, as_of: date
) -> Text:
    """Say what the day brought: new cases, a change of definition, or nothing known."""
    region = Text(study.region_name.zh, study.region_name.en)
    row = on(totals, as_of)
    if row is None or row["published"] == 0:
        return Text("当日疫情数据尚未公布。", "The day's figures are not yet published.")
    new = number(row["new"])
    if row["definition_change"]:
        return Text(
            f"{region.zh}累计数因病例定义变更等增加{new.zh}例，不代表当日疫情增长。",
            f"{new.en} cases were added to the count of {region.en}, when the definition of a case "
            "changed: not growth of the epidemic.",
        )
    notes = [n for n in (partly(totals, as_of), spanned(totals, as_of)) if n is not None]
    said = listed(notes)
    of = Text(f"（{said.zh}）", f" ({said.en})") if notes else Text("", "")
    if row["new"] == 0:
        return Text(f"{region.zh}无新增确诊{of.zh}。", f"{region.en} had no new case{of.en}.")
    moved = _moved(totals, as_of)
    largest = latest.sort_values("new", ascending=False, kind="stable").iloc[0]
    where = places(areas)[str(largest["adcode"])]
    share = number(largest["new"])
    cases = counted(int(row["new"]), Text("例", "new case"), "new cases")
    return Text(
        f"{region.zh}新增确诊{new.zh}例{of.zh}，{moved.zh}；其中{where.zh}{share.zh}例。",
        f"{region.en} had {cases.en}{of.en}, {moved.en}; {share.en} in {where.en}.",
    )


def _moved(totals: pd.DataFrame, as_of: date) -> Text:
    """Compare a day's new cases with the day before, in words."""
    yesterday = as_of - timedelta(days=1)
    before = at(totals, yesterday, "new")
    if pd.isna(before):
        return Text("前一日未公布", "the day before is not published")
    if not comparable(totals, as_of, yesterday):
        return Text("与前一日不可比", "not comparable with the day before")
    step = at(totals, as_of, "new") - before
    if step == 0:
        return Text("与前一日持平", "as many as the day before")
    size = number(abs(step))
    if step > 0:
        return Text(f"较前一日多{size.zh}例", f"{size.en} more than the day before")
    return Text(f"较前一日少{size.zh}例", f"{size.en} fewer than the day before")


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
            roster.decision(
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
            roster.decision(
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
            roster.decision(
                study,
                "data_quality",
                Text(
                    f"核对未能采用的{set_aside}个数据。",
                    f"Check {set_aside} published values that could not be used.",
                ),
            )
        )
    return Decisions(tuple(items))


def _unit(grades: pd.DataFrame) -> tuple[Text, str]:
    return UNIT["urban_area" if (grades["unit_type"] == "urban_area").any() else "county"]
