"""Cells, maps, charts and the page's text, without a browser."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Polygon, box

from analytics.errors import ContractError, ParameterError
from analytics.render import cells, charts, choropleth, colours, maps, numbers, page
from analytics.render.blocks import MIMETYPE, Column, Decisions, Masthead, Section, Table, Text

NONE = Text("", "")
HEAD = Masthead(Text("题", "Title"), Text("省", "Province"), "2020-02-29", "real").to_json()


def write(blocks, language="en"):
    return page.html(blocks, language, languages={"zh": "a.zh.html", "en": "a.en.html"}, made={})


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [(66907, "66907", "66,907"), (-5, "−5", "−5"), (0, "0", "0"), (1234.5, "1234.5", "1,234.5")],
)
def test_numbers_are_written_as_each_language_does(value, zh, en):
    """Plain digits in Chinese tables, thousands separated in English; zero is 0."""
    assert (numbers.written(value, "zh"), numbers.written(value, "en")) == (zh, en)


def test_dates_are_written_out():
    """An ISO date as people write it; other text untouched."""
    assert cells.spelled("2020-02-29", "zh") == "2020年2月29日"
    assert cells.spelled("2020-02-29", "en") == "29 Feb 2020"
    assert cells.spelled("soon", "en") == "soon"


def test_a_phone_leaves_out_columns_and_says_how_many():
    """They stay on a wide screen and in the download."""
    columns = (Column("a", Text("甲", "A")), Column("b", Text("乙", "B"), "number", phone=False))
    table = Table(Text("表", "Table"), columns, ({"a": "x", "b": 3},), name="table")
    text = write([HEAD, Section(Text("节", "Section"), tables=(table,)).to_json()])
    assert '<td class="number beyond" data-raw="3">3</td>' in text
    assert '<th scope="row" class="text">x</th>' in text
    assert "1 more columns on a wide screen" in text


def test_simulated_data_cannot_be_mistaken():
    """The banner stands above the title and the warning on every printed sheet."""
    written = write([{**HEAD, "nature": "simulated"}])
    assert written.index('class="banner"') < written.index("<h1>")
    assert "@top-center" in written
    assert 'class="banner"' not in write([HEAD])


def test_all_breaches_of_a_page_are_told_at_once():
    """Unknown kinds, doubles and a missing masthead in one error."""
    decisions = Decisions(()).to_json()
    with pytest.raises(ContractError) as caught:
        write([decisions, decisions, {"kind": "song"}])
    assert len(caught.value.breaches) == 3


def test_same_blocks_same_bytes():
    """Writing twice gives the same file."""
    assert write([HEAD], "zh") == write([HEAD], "zh")


def test_missing_chart_library_says_what_to_run(monkeypatch, tmp_path):
    """Without the library a page with charts is refused with the line to run."""
    monkeypatch.setattr(page, "__file__", str(tmp_path / "page.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(page.SetupError, match="npm ci"):
        page.library()


def test_neighbours_share_their_border_exactly():
    """Two areas drawn side by side touch in the same rounded points; rings run clockwise."""
    areas = gpd.GeoDataFrame(
        {
            "code": ["1", "2"],
            "name_zh": "甲",
            "name_en": "A",
            "category": "low",
            "summary_zh": "",
            "summary_en": "",
        },
        geometry=[box(112, 30, 113, 31), box(113, 30, 114, 31)],
        crs=4490,
    )
    drawn = maps.area_map(areas, colours.GRADES, title=NONE, alternative=NONE, note=NONE)
    assert drawn.width == 1000
    assert 420 < drawn.height < 620  # a degree of latitude by two of longitude at 30.5 N
    left, right = (shape.label_at[0] for shape in drawn.shapes)
    assert left < 500 < right


def test_path_runs_clockwise_on_the_screen_and_holes_the_other_way():
    """Relative steps of rounded positions, shortest decimals."""
    ring = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(2, 2), (2, 4), (4, 4), (4, 2)]])
    assert maps.path(ring) == "M0 0l10 0 0 10-10 0zM2 2l0 2 2 0 0-2z"


def test_area_with_unlisted_category_is_named():
    """A category outside the legend is refused with its codes, not drawn blank."""
    areas = gpd.GeoDataFrame(
        {
            "code": ["429004"],
            "name_zh": "仙桃",
            "name_en": "Xiantao",
            "category": "purple",
            "summary_zh": "",
            "summary_en": "",
        },
        geometry=[box(113, 30, 114, 31)],
        crs=4490,
    )
    with pytest.raises(ContractError, match=r"1 of 1 areas have a category.*429004"):
        maps.area_map(areas, colours.GRADES, title=NONE, alternative=NONE, note=NONE)


def test_values_are_cut_at_round_steps_below_the_largest():
    """Five classes at most, light to severe; what is unknown has none."""
    legend, keys = choropleth.classes(pd.Series([0, 3, 70, 640, None]), Text("例", ""))
    assert [one.label.en for one in legend] == [
        "below 50", "50 to 100", "100 to 200", "200 to 500", "500 and more",
    ]  # fmt: skip
    assert legend[-1].label.zh == "500例及以上"
    assert keys == ["class0", "class0", "class1", "class4", "unknown"]
    assert [one.fill for one in legend] == list(colours.RAMP)
    few, keys = choropleth.classes(pd.Series([5.0, 20.0]), Text("", ""), limits=(10,))
    assert ([one.label.en for one in few], keys) == (
        ["below 10", "10 and more"], ["class0", "class1"],
    )  # fmt: skip
    assert choropleth.classes(pd.Series([0.0]), Text("", ""))[0] == []
    with pytest.raises(ParameterError, match="2 limits"):
        choropleth.classes(pd.Series([1.0]), Text("", ""), limits=(20, 10))


def test_areas_are_filled_by_value_and_hatched_where_there_is_none():
    """A tap says the value and its interval."""
    areas = gpd.GeoDataFrame(
        {"adcode": ["1", "2", "3"]},
        geometry=[box(112 + at, 30, 113 + at, 31) for at in range(3)],
        crs=4490,
    )
    values = pd.DataFrame(
        {"adcode": ["1", "2"], "value": [12.34, 250.0], "low": [9.0, 200.0], "high": [15.0, 300.0]}
    )
    drawn = choropleth.choropleth(
        areas, values, {code: Text(f"{code}县", code) for code in "123"}, unit=Text("例", ""),
        limits=(100,), title=NONE, alternative=NONE, note=NONE,
    )  # fmt: skip
    assert [shape.category for shape in drawn.shapes] == ["class0", "class1", "unknown"]
    assert [shape.summary.en for shape in drawn.shapes] == [
        "12.3 (95% interval 9.0–15.0)", "250.0 (95% interval 200.0–300.0)", "no figures",
    ]  # fmt: skip
    assert drawn.shapes[0].summary.zh == "12.3例（95%区间9.0–15.0）"


def test_a_series_is_taken_from_a_table():
    """Rounded, and None where nothing is known."""
    table = pd.DataFrame({"mean": [1.234, None], "low": [1, 2], "high": [3.0, 4.0]})
    name = Text("甲", "a")
    one = charts.series_of(table, name, "mean", "low", "high", digits=1)
    assert one == charts.Series(name, (1.2, None), (1.0, 2.0), (3.0, 4.0))
    assert charts.series_of(table, name, "low") == charts.Series(name, (1.0, 2.0))


def test_change_of_definition_does_not_set_the_scale():
    """The step is cut at the top of the other days' scale; its number stays in the table."""
    days = ["2020-02-11", "2020-02-12", "2020-02-13"]
    chart = charts.epidemic_curve(
        days,
        charts.Series(Text("新增", "New"), [1638, 14840, 4823]),
        alternative=NONE,
        breaks=(charts.Break("2020-02-12", Text("口径", "definition")),),
    )
    figure = chart.figure["en"]
    top = figure["layout"]["yaxis"]["range"][1]
    assert 4823 < top < 6000
    assert figure["data"][0]["y"] == [1638, top, 4823]
    assert [row["series_0"] for row in chart.table.rows] == [1638, 14840, 4823]


def test_small_multiples_share_one_scale():
    """Every panel has the same range."""
    chart = charts.small_multiples(
        ["2020-02-01", "2020-02-02"],
        [charts.Series(Text(n, n), values) for n, values in (("a", [1, 2]), ("b", [50, -3]))],
        alternative=NONE,
    )
    layout = chart.figure["zh"]["layout"]
    assert layout["yaxis"]["range"] == layout["yaxis2"]["range"]
    assert layout["yaxis"]["range"][0] < -3


def test_a_section_in_a_notebook_shows_its_charts(monkeypatch):
    """The block itself comes first, then a figure per language under plotly's own type."""
    chart = charts.lines(
        ["2020-02-01", "2020-02-02"],
        [charts.Series(Text("新增", "New"), [1, 2])],
        alternative=NONE,
    )
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    Section(Text("题", "Title"), charts=(chart,))._ipython_display_()
    assert {MIMETYPE, "text/html"} <= set(shown[0])
    assert [set(bundle) for bundle in shown[1:]] == [{"application/vnd.plotly.v1+json"}] * 2
