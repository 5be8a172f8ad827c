"""One name for why: each kind of result answers in a section of both languages."""

from __future__ import annotations

from datetime import date

import pandas as pd

from analytics import study
from analytics.analysis import screening
from analytics.analysis.channel import checkpoints
from analytics.analysis.health_code import rules
from analytics.render import explain
from analytics.render.blocks import Section

NAN = float("nan")
RULES = rules.read(study.root() / "data" / "hubei-2020" / "health_code.toml")


def test_every_explanation_is_listed_for_tab_completion():
    names = {"allocation", "category", "checkpoints", "code", "grade", "link"}
    assert set(explain.__all__) == names
    assert all(getattr(explain, name).__doc__ for name in names)


def test_a_link_is_the_sum_of_its_weights_in_both_languages():
    evidence = pd.DataFrame(
        [("prior", "", NAN, NAN, -20.0), ("identity", "same number", 0.9, 0.0001, 25.0),
         ("name", "household: same surname", 0.5, 0.5, 0.0), ("name", "rarity", NAN, NAN, 3.0)],
        columns=["comparison", "level", "m", "u", "weight"],
    )  # fmt: skip
    said = explain.link(evidence.assign(total=evidence["weight"].cumsum()))
    assert said.title.en == "The two records are one person's with a chance of 99.6% (8.0 bits)"
    rows = said.tables[0].rows
    assert [row["level"].zh for row in rows] == ["—", "证件号码相同", "同户：同姓", "罕见程度"]
    assert [row["total"] for row in rows] == [-20, 5, 5, 8]
    assert rows[0]["m"] is None


def test_codes_categories_and_checkpoints_answer_alike():
    nothing = explain.code({"code": None}, RULES)
    assert nothing.title.zh.startswith("您目前没有健康码")
    assert [line.en for line in nothing.paragraphs] == ["Declare again."]
    none = explain.category([], "nobody", screening.load(), date(2020, 2, 29))
    assert none == Section(title=none.title)
    assert none.title.en == "managed as: none"
    arrivals = pd.DataFrame({"gate": ["a"], "hour": [8], "arrivals": [120.0]})
    plan = checkpoints.plan(arrivals, {"a": 0.01}, 1, found=0.5)
    short = explain.checkpoints(plan)
    assert "short" in short.title.en
    assert "averts" in short.paragraphs[0].en
    assert "<h" in short._repr_mimebundle_()["text/html"]
