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


def explain(change: Mapping[str, Any], rules: Rules) -> list[dict[str, str]]:
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
    list of dict
        ``zh`` and ``en`` of each line: first the code with its reason and the record's day, then
        the earliest change, what to do, where to appeal, and the rule.

    Raises
    ------
    StudyError
        If the rules do not hold the row's rule in its version.
    """
    if change["code"] is None:
        return [
            _line("您目前没有健康码：没有可依据的记录。",
                  "You have no health code now: there is no record to give one on."),
            _line("请重新申报。", "Declare again."),
        ]  # fmt: skip
    rule = rules.named(str(change["rule"]), str(change["version"]))
    zh, en = NAMES[HealthCode(change["code"])]
    day_zh, day_en = _day(change["evidence_since"])
    lines = [
        _line(f"您的健康码为{zh}：{rule.because.zh}（依据{day_zh}的记录）。",
              f"Your code is {en}: {rule.because.en} (record of {day_en}).")
    ]  # fmt: skip
    if rule.code != HealthCode.GREEN:
        lines.append(_end(change["changes"]))
    lines.append(_line(f"{rule.todo.zh}。", f"{rule.todo.en[:1].upper()}{rule.todo.en[1:]}."))
    if rule.code != HealthCode.GREEN:
        days = rules.appeal_days
        lines.append(
            _line(f"如有异议，请拨打12345申诉，{days}日内答复。",
                  f"If this is wrong, call 12345: an appeal is answered within {days} days.")
        )  # fmt: skip
    told = _line(
        f"（规则{rule.id}，版本{rule.version}）", f"(Rule {rule.id}, version {rule.version}.)"
    )
    return [*lines, told]


def _end(changes: datetime | None) -> dict[str, str]:
    if changes is None:
        return _line(
            "解除时间取决于新的记录，目前没有日期。",
            "It changes when a new record ends this; there is no date yet.",
        )
    zh, en = _day(changes)
    return _line(
        f"如无新的记录，最早于{zh}转码。",
        f"Without new records it changes on {en} at the earliest.",
    )


def _line(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


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
