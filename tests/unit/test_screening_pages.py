"""Screening and clusters on a page, and a person's category in words."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from tests.drawn import linked

from analytics import engine
from analytics.analysis import screening
from analytics.privacy import release
from analytics.render import clusters as picture
from analytics.render import screening as page
from analytics.render.blocks import Missing, Text, dumps

PARENTS = {"420106": "420100", "420107": "420100", "420502": "420500", "420503": "420500",
           "420100": "420000", "420500": "420000"}  # fmt: skip
DAY = date(2020, 2, 29)


@pytest.fixture
def released(tmp_path):
    counts = {("420106", "confirmed"): 40, ("420107", "confirmed"): 3, ("420502", "fever"): 25,
              ("420502", "close_contact"): 4, ("420106", "suspected"): 12,
              ("unknown", "fever"): 11}  # fmt: skip
    table = pd.DataFrame([(*key, n) for key, n in counts.items()],
                         columns=["county", "category", "persons"])  # fmt: skip
    ledger = release.Ledger(tmp_path / "releases.jsonl")
    return release.release(table, screening.spec(PARENTS, DAY), ledger)


def test_totals_show_no_small_cell_and_leave_out_empty_areas(released):
    indicators = pd.DataFrame(
        [("traced_in_24_hours", 80, 100, 0), ("lost", 3, 100, 0)],
        columns=["indicator", "numerator", "denominator", "unknown"],
    )
    names = {"420000": Text("湖北省", "Hubei"), "420106": Text("武昌区", "Wuchang")}
    section = page.section(released, names, indicators)
    areas, tracing = section.tables
    shown = {row["area"].en: row for row in areas.rows}
    assert next(iter(shown)) == "Hubei"
    assert "420503" not in shown
    small = [v for row in areas.rows for k, v in row.items() if k != "area" and v != 0]
    assert all(isinstance(value, Missing) or value >= 10 for value in small)
    assert isinstance(shown["420107"]["confirmed"], Missing)
    assert tracing.rows[0]["share"].en == "80.0%"
    assert isinstance(tracing.rows[1]["share"], Missing)
    assert "confirmed" in section.title.en
    assert "四类人员" in dumps(section)


def test_the_chain_is_drawn_and_said_without_naming_anybody():
    members = pd.DataFrame({
        "person": ["pa", "pb", "pc"],
        "order": [1, 2, 3],
        "day": pd.to_datetime(["2020-02-01", "2020-02-08", "2020-02-16"]),
        "infector": [None, "pa", "pb"],
        "chance": [float("nan"), 1.0, 0.8],
    })  # fmt: skip
    chart = picture.chain(members, "household")
    assert "3 cases" in chart.title.en
    assert "case 3 likely from case 2 (80%)" in chart.alternative.en
    lines, points = chart.figure["en"]["data"]
    assert points["text"] == ["case 1", "case 2", "case 3"]
    assert lines["y"] == [1, 2, 2, None, 2, 3, 3, None]
    assert not {"pa", "pb", "pc"} & set(str(chart).replace("'", " ").split())


def test_a_category_is_explained_by_every_rule_and_its_evidence():
    feeds = {
        "cases": linked("cases", """
        person | case_number | reporting_county | classification | onset | reported
        a      | c1 | 420106 | suspected | 2020-02-20 | 2020-02-22
        """),
        "declarations": linked("declarations", """
        person | declaration_number | declared | fever
        a      | d1 | 2020-02-28 08:00 | yes
        b      | d2 | 2020-02-28 08:00 | yes
        """),
    }  # fmt: skip
    protocols = screening.load()
    with_trace = screening.screen(feeds, protocols, DAY).trace
    trace = engine.rows(with_trace, engine.connect(threads=1)).to_pylist()
    said = screening.explain(trace, "a", protocols, DAY)
    assert [line["en"] for line in said] == [
        "managed as: suspected case",
        "reported as a suspected case (edition 6): class suspected, 2020-02-22, cases c1",
        "fever declared: fever yes, 2020-02-28, declarations d1",
    ]
    assert said[0]["zh"] == "管理类别：疑似病例"
    assert "第6版" in said[1]["zh"]
    assert screening.explain(trace, "nobody", protocols, DAY)[0]["en"] == "managed as: none"
