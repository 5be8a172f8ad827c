"""The catalogue's page: every study, date and report with its standing and freshness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from analytics.render import cells, page
from analytics.render.blocks import LANGUAGES, Language, Text

REPORT_TITLES: Final[dict[str, Text]] = {
    "risk_grading": Text("疫情风险分级评估", "Epidemic risk grading"),
    "data_quality": Text("数据汇集与质量", "Data delivery and quality"),
    "county_risk": Text("县区疫情风险", "Risk of a county"),
    "travel_channel": Text("出行通道与健康码", "Travel channel and health codes"),
    "loop": Text("推送、核查与反馈", "Push, verification and feedback"),
    "resettlement_demand": Text("滞留人员安置与救助", "Resettlement and assistance"),
    "replay": Text("全程演练", "Replay of the whole command"),
    "digest": Text("每日简报", "Daily digest"),
    "changes": Text("变化", "What changed"),
}
HOUR: Final = 3600
DAY: Final = 86400


def html(
    rows: Sequence[Any], language: Language, files: Mapping[Language, str], now: datetime
) -> str:
    """
    Write the catalogue in one language.

    Parameters
    ----------
    rows : sequence of listing
        Each with study, study_title, nature, as_of, report, stem, pages, made and failed.
    language : {"zh", "en"}
        Language of this page.
    files : mapping
        File name of the catalogue in each language.
    now : datetime
        Moment of writing, against which freshness is told.
    """
    style = page.asset("catalogue.css")
    environment = page.environment_for(language, {})
    return environment.get_template("catalogue.html.j2").render(
        policy=page.policy(scripts=[], styles=[style]),
        language=language,
        lang=page.HTML_LANG[language],
        others=[(page.HTML_LANG[each], files[each]) for each in LANGUAGES if each != language],
        studies=_by_study(rows),
        titles=REPORT_TITLES,
        freshness=lambda row: cells.say(vars(_freshness(row.made, now)), language),
        text=lambda text: cells.say(vars(text), language),
        written=now.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M"),
        style=Markup(style),  # noqa: S704 - our own asset
    )


def _by_study(rows: Sequence[Any]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.study, []).append(row)
    return grouped


def _freshness(made: datetime | None, now: datetime) -> Text:
    if made is None:
        return Text("尚无成功的页面", "no good page yet")
    seconds = max(0.0, (now - made).total_seconds())
    if seconds < HOUR:
        return Text("一小时内生成", "made within the hour")
    if seconds < DAY:
        hours = int(seconds // HOUR)
        return Text(f"{hours} 小时前生成", f"made {hours} h ago")
    days = int(seconds // DAY)
    return Text(f"{days} 天前生成", f"made {days} d ago")
