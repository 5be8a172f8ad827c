"""Targets of the special teams: how they stand at a moment, by team, and on the page."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from analytics import study as studies
from analytics.loop import targets
from analytics.pool import pooling
from analytics.privacy import keys
from analytics.render import targets as render
from analytics.render.blocks import Text
from analytics.simulation import province

FIRST, LAST = date(2020, 2, 20), date(2020, 3, 12)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("targets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(folder / "home"))
        patch.setenv("WORKBENCH_KEYS", str(folder / "keys"))
        chosen = studies.load("hubei-2020-simulated")
        keys.create(chosen.name)
        province.simulate(chosen, 1000, 3, FIRST, LAST, dirt="none")
        pooling.run(chosen, keys.load(chosen.name))
        yield chosen


def test_each_team_is_set_a_target_a_prefecture_and_week(study):
    found = targets.by_team(targets.standing(study, studies.moment(LAST)))
    prefectures = 17
    weeks = 4
    assert found["set"].tolist() == [prefectures * weeks] * 4
    assert found[list(targets.STANDINGS)].sum(axis="columns").tolist() == found["set"].tolist()


def test_a_standing_is_as_known_then_and_never_turns_back(study):
    """What was reached stays reached; what was overdue is reached late or stays overdue."""
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    follows = {
        "open": {"open", "in_time", "overdue", "late"},
        "overdue": {"overdue", "late"},
        "in_time": {"in_time"},
        "late": {"late"},
    }
    before: dict[str, str] = {}
    for day in days:
        table = targets.standing(study, studies.moment(day))
        now = dict(zip(table["target"], table["standing"], strict=True))
        assert [t for t, was in before.items() if now[t] not in follows[was]] == []
        before = now
    assert {"in_time", "late", "open"} <= set(before.values())


def test_the_page_names_what_is_overdue_and_whom_to_press(study):
    table = targets.standing(study, studies.moment(LAST))
    due = pd.Timestamp("2020-03-01 18:00")
    table.loc[0, ["team", "county", "due", "done", "standing", "days"]] = [
        "甲专班", "420100", due, pd.NaT, "overdue", 11.25,
    ]  # fmt: skip
    counted = targets.by_team(table)
    section = render.section(table, counted, {"420100": Text("武汉", "Wuhan")})
    late = int((table["standing"] == "overdue").sum())
    assert section.title.zh == f"专班目标{len(table)}项，逾期未完成{late}项"
    rows = {row["target"]: row for row in section.tables[1].rows}
    shown = rows[table.loc[0, "target"]]
    assert (shown["team"], shown["area"], shown["due"], shown["days"]) == (
        "甲专班", Text("武汉", "Wuhan"), "2020-03-01 18:00", 11.2,
    )  # fmt: skip
    pressed = {one.who.zh: one.what.en for one in render.decisions(counted)}
    assert pressed["甲专班"] == "Press on overdue targets: 1"


def test_no_roster_is_no_data():
    none = pd.DataFrame(columns=["target", "team", "standing", "days"])
    section = render.section(none, targets.by_team(none), {})
    assert section.title.zh.endswith("无数据")
