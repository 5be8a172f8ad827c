"""A new province's study: its folder from a code and a published series, whole or not at all."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from tests import workbench_root
from typer.testing import CliRunner

from analytics import study as studies
from analytics.cli import app
from analytics.errors import ContractError, ParameterError
from analytics.pool import published, time_nodes
from analytics.pool.areas import areas
from analytics.pool.figures import bring
from analytics.reporting import founding

TITLE = studies.Title(zh="宁夏2020年新冠肺炎疫情", en="COVID-19 in Ningxia, 2020")
PERIOD = (date(2020, 2, 1), date(2020, 2, 14))
CITIES = {"640100": "银川市", "640200": "石嘴山市", "640300": "吴忠市"}
OFFICE = founding.Sources("Health Commission of Ningxia", "https://example.org/", "facts")


@pytest.fixture
def root(tmp_path, monkeypatch):
    place = workbench_root.make(tmp_path / "workbench")
    monkeypatch.setenv("WORKBENCH_ROOT", str(place))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return place


@pytest.fixture
def series(tmp_path):
    """Three cities one of which goes back by two cases on the ninth day, and their province."""
    rows = []
    for place, day in enumerate(pd.date_range(*PERIOD)):
        counts = {"640100": 2 * place + 3, "640200": place, "640300": 5 if place < 8 else 3}
        rows.append((day, "", "", sum(counts.values())))
        rows += [(day, CITIES[code], code, count) for code, count in counts.items()]
    table = pd.DataFrame(rows, columns=["date", "city", "cityCode", "confirmed"])
    table = table.assign(province="宁夏", provinceCode="640000", suspected=0, cured=0, dead=0)
    table.to_csv(tmp_path / "series.csv", index=False)
    return tmp_path / "series.csv"


def test_a_province_is_founded_from_its_code_alone(root):
    made = founding.found("ningxia-2020", "640000", TITLE, PERIOD)
    study = studies.load("ningxia-2020")
    assert (study.region_name.zh, study.region_name.en) == (
        "宁夏回族自治区",
        "Ningxia Hui Autonomous Region",
    )
    assert (made.counties, made.prefectures) == (22, 5)
    assert len(areas(study)) == 22
    assert sorted(path.name for path in (root / "data").iterdir()) == ["hubei-2020", "ningxia-2020"]


def test_a_published_series_is_repaired_and_read_like_any_other(root, series):
    made = founding.found("ningxia-2020", "640000", TITLE, PERIOD, series=series, sources=OFFICE)
    assert "retraction" in set(made.corrections["kind"])
    assert (root / "data/ningxia-2020/repairs.csv").is_file()
    study = studies.load("ningxia-2020")
    bring(study)
    counts = published.read(study).counts
    last = counts[counts["date"] == counts["date"].max()].set_index("adcode")["confirmed"]
    assert last[["640100", "640200", "640300"]].tolist() == [29, 13, 3]
    ledger = time_nodes.ledger(study, [], studies.moment(PERIOD[1]))
    assert len(ledger) == 14


def test_every_file_has_its_source(root, series):
    founding.found("ningxia-2020", "640000", TITLE, PERIOD, series=series, sources=OFFICE)
    folder = root / "data" / "ningxia-2020"
    text = (folder / "sources.toml").read_text()
    listed = [path.name for path in folder.glob("*.csv") if f'file = "{path.name}"' in text]
    assert sorted(listed) == sorted(path.name for path in folder.glob("*.csv"))
    assert text.count("Health Commission of Ningxia") == 4


@pytest.mark.parametrize(
    ("name", "region", "period", "said"),
    [
        ("Ningxia 2020", "640000", PERIOD, "name"),
        ("hubei-2020", "640000", PERIOD, "exists"),
        ("ningxia-2020", "640100", PERIOD, "region"),
        ("ningxia-2020", "640000", PERIOD[::-1], "period"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(root, name, region, period, said):
    before = sorted((root / "data").rglob("*"))
    with pytest.raises(ParameterError, match=said):
        founding.found(name, region, TITLE, period)
    assert sorted((root / "data").rglob("*")) == before


def test_a_series_of_the_province_alone_is_refused(root, series, tmp_path):
    """Grades need counts by prefecture; without any the study would have nothing to report."""
    rows = pd.read_csv(series, dtype=str, keep_default_na=False)
    rows[rows["cityCode"] == ""].to_csv(tmp_path / "alone.csv", index=False)
    with pytest.raises(
        ContractError, match=r"'alone\.csv' holds no counts by prefecture"
    ) as failed:
        founding.found(
            "ningxia-2020", "640000", TITLE, PERIOD, series=tmp_path / "alone.csv", sources=OFFICE
        )
    assert failed.value.breaches == (
        "cityCode: of 14 rows 0 are of a prefecture here, 0 of a county",
    )
    assert not (root / "data" / "ningxia-2020").exists()


@pytest.mark.usefixtures("root")
def test_counts_by_district_of_a_municipality_are_refused(tmp_path):
    days = [day.date() for day in pd.date_range(*PERIOD)]
    rows = [(day, "", "", 2 * n) for n, day in enumerate(days)]
    rows += [(day, name, code, n) for n, day in enumerate(days)
             for name, code in (("东城区", "110101"), ("西城区", "110102"))]  # fmt: skip
    table = pd.DataFrame(rows, columns=["date", "city", "cityCode", "confirmed"])
    table.assign(provinceCode="110000", cured=0, dead=0).to_csv(tmp_path / "bj.csv", index=False)
    with pytest.raises(
        ContractError, match="of 42 rows 0 are of a prefecture here, 28 of a county"
    ):
        founding.found(
            "beijing-2020", "110000", TITLE, PERIOD, series=tmp_path / "bj.csv", sources=OFFICE
        )


@pytest.mark.usefixtures("root")
def test_a_series_may_come_as_office_programs_of_china_write_it(series, tmp_path):
    content = series.read_text(encoding="utf-8")
    (tmp_path / "gbk.csv").write_bytes(content.encode("gb18030"))
    made = founding.found(
        "ningxia-2020", "640000", TITLE, PERIOD, series=tmp_path / "gbk.csv", sources=OFFICE
    )
    assert "吴忠市" in set(made.corrections["name"])


@pytest.mark.usefixtures("root")
def test_an_empty_series_is_refused(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ContractError, match=r"'empty\.csv' is empty"):
        founding.found(
            "ningxia-2020", "640000", TITLE, PERIOD, series=tmp_path / "empty.csv", sources=OFFICE
        )


def test_a_series_needs_a_publisher_and_its_columns(root, series, tmp_path):
    with pytest.raises(ParameterError, match="publisher"):
        founding.found("ningxia-2020", "640000", TITLE, PERIOD, series=series)
    (tmp_path / "wrong.csv").write_text("day,count\n2020-02-01,3\n")
    wrong = tmp_path / "wrong.csv"
    with pytest.raises(ContractError):
        founding.found("ningxia-2020", "640000", TITLE, PERIOD, series=wrong, sources=OFFICE)
    assert [path.name for path in (root / "data").iterdir()] == ["hubei-2020"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("广州市", "Guangzhou"),
        ("西安市", "Xi'an"),
        ("天河区", "Tianhe District"),
        ("博罗县", "Boluo County"),
        ("恩施土家族苗族自治州", "Enshi Tujia and Miao Autonomous Prefecture"),
        ("连南瑶族自治县", "Liannan Yao Autonomous County"),
        ("内蒙古自治区", "Inner Mongolia Autonomous Region"),
        ("神农架林区", "Shennongjia Forestry District"),
    ],
)
def test_names_in_english(name, expected):
    assert founding.english(name) == expected


@pytest.mark.usefixtures("root")
def test_the_command_says_what_it_made_and_lists_it(series):
    told = CliRunner().invoke(app, [
        "study", "new", "ningxia-2020", "640000", "--title-zh", TITLE.zh, "--title-en", TITLE.en,
        "--first", "2020-02-01", "--last", "2020-02-14", "--series", str(series),
        "--publisher", OFFICE.publisher,
    ])  # fmt: skip
    assert (told.exit_code, "1 × retraction" in told.output) == (0, True)
    assert "ningxia-2020  real" in CliRunner().invoke(app, ["study", "list"]).output
