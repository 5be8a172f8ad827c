"""Decisions asked of whom the study's duty roster names, by the time it names."""

from __future__ import annotations

from analytics.render.blocks import Decision, Text
from analytics.study import Study

_NOBODY = Text("本研究未列责任清单", "no duty roster in this study")


def decision(study: Study, task: str, what: Text, *, otherwise: Text = _NOBODY) -> Decision:
    """
    Something to decide, by whom and when.

    Parameters
    ----------
    study : Study
    task : str
        Of the study's roster.
    what : Text
    otherwise : Text
        Who is asked where the roster does not have the task; then no time is set.
    """
    duty = next((duty for duty in study.duties if duty.task == task), None)
    if duty is None:
        return Decision(what, otherwise, Text("未定", "not set"))
    due = f"{duty.due:%H:%M}"
    return Decision(
        what, Text(duty.who.zh, duty.who.en), Text(f"每日{due}前", f"by {due} each day")
    )
