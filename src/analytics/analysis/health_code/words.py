"""What a code tells its holder: why, since when, until when at least, and where to object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from analytics.analysis.health_code.rules import Rules
from analytics.codes import HealthCode

NAMES = {
    HealthCode.GREEN: ("绿码", "green"),
    HealthCode.YELLOW: ("黄码", "yellow"),
    HealthCode.RED: ("红码", "red"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def explain(change: Mapping[str, Any], rules: Rules) -> dict[str, str]:
    """
    Say a code in words its holder understands.

    Parameters
    ----------
    change : mapping
        One row of CODE_CHANGES.
    rules : Rules
        That hold the row's rule and version.

    Returns
    -------
    dict of str to str
        ``zh`` and ``en``: code, reason, the record's day, earliest change, what to do, appeal.

    Raises
    ------
    StudyError
        If the rules do not hold the row's rule in its version.
    """
    if change["code"] is None:
        return {
            "zh": "您目前没有健康码：没有可依据的记录。请重新申报。",
            "en": "You have no health code now: there is no record to give one on. Declare again.",
        }
    rule = rules.named(str(change["rule"]), str(change["version"]))
    zh, en = NAMES[HealthCode(change["code"])]
    day_zh, day_en = _day(change["evidence_since"])
    told_zh = [f"您的健康码为{zh}：{rule.because.zh}（依据{day_zh}的记录）。"]
    told_en = [f"Your code is {en}: {rule.because.en} (record of {day_en})."]
    if rule.code != HealthCode.GREEN:
        if change["changes"] is None:
            told_zh.append("解除时间取决于新的记录，目前没有日期。")
            told_en.append("It changes when a new record ends this; there is no date yet.")
        else:
            end_zh, end_en = _day(change["changes"])
            told_zh.append(f"如无新的记录，最早于{end_zh}转码。")
            told_en.append(f"Without new records it changes on {end_en} at the earliest.")
    told_zh.append(f"{rule.todo.zh}。")
    told_en.append(f"{rule.todo.en[:1].upper()}{rule.todo.en[1:]}.")
    if rule.code != HealthCode.GREEN:
        told_zh.append(f"如有异议，请拨打12345申诉，{rules.appeal_days}日内答复。")
        told_en.append(
            f"If this is wrong, call 12345: an appeal is answered within {rules.appeal_days} days."
        )
    told_zh.append(f"（规则{rule.id}，版本{rule.version}）")
    told_en.append(f"(Rule {rule.id}, version {rule.version}.)")
    return {"zh": "".join(told_zh), "en": " ".join(told_en)}


def expires(change: Mapping[str, Any], now: datetime, rules: Rules) -> datetime:
    """
    Tell until when a code shown now holds: the rules' hours, but not beyond its own change.

    Parameters
    ----------
    change : mapping
        One row of CODE_CHANGES.
    now : datetime
        Without a zone, as the row's times.
    rules : Rules

    Returns
    -------
    datetime
        Without a zone.
    """
    limit = now + timedelta(hours=rules.holds_hours)
    end = change["changes"]
    return limit if end is None or end <= now else min(limit, end)


def _day(moment: datetime) -> tuple[str, str]:
    return (
        f"{moment.year}年{moment.month}月{moment.day}日",
        f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}",
    )
