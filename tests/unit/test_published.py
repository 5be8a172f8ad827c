"""Published figures: the real tables, other provinces, and faults in files."""

from __future__ import annotations

import hashlib
from datetime import date

import pandas as pd
import pytest

from analytics import study as studies
from analytics.analysis import incidence
from analytics.errors import SourceError, StudyError
from analytics.pool import boundaries, published, sources


@pytest.fixture(scope="module")
def hubei():
    return studies.load("hubei-2020")


@pytest.fixture(scope="module")
def figures(hubei):
    return published.read(hubei)


def test_published_totals_of_known_days(hubei, figures):
    steps = incidence.daily(figures.counts, hubei.definition_changes)
    total = incidence.total(steps).set_index("date")
    wuhan = steps[steps["adcode"] == "420100"].set_index("date")
    assert total.loc["2020-02-29", ["cumulative", "new"]].tolist() == [66907, 570]
    assert wuhan.loc["2020-02-29", ["cumulative", "new"]].tolist() == [49122, 565]
    assert total.loc["2020-02-12", ["step", "definition_change"]].tolist() == [14840, True]
    assert steps["retracted"].sum() == 414
    assert (steps["step"] < 0).sum() == 21


def test_every_small_table_is_the_one_registered(figures):
    registered = figures.supplies.dropna(subset=["verified"])
    assert registered["verified"].tolist() == [True] * 8
    assert figures.quarantine.empty


def test_areas_boundaries_and_counts_name_the_same_places(hubei, figures):
    assert len(figures.areas) == 103
    assert set(boundaries.read(hubei, "county")["adcode"]) == set(figures.areas["adcode"])
    prefectures = set(figures.areas["prefecture"])
    assert set(boundaries.read(hubei, "prefecture")["adcode"]) == prefectures
    assert set(figures.counts["adcode"]) == prefectures


def test_nobody_is_lost_when_codes_are_joined(figures):
    table = figures.population.set_index("adcode")
    counties = table[table["level"] == "county"]
    assert set(counties.index) == set(figures.areas["adcode"])
    assert counties["population"].sum() + table["unassigned"].sum() == 57_752_557
    assert table.loc["421024", "population"] == 278_192 + 190_084
    assert table.loc["421023", "population"] == 1_120_822


@pytest.mark.parametrize(
    ("region", "counties", "prefectures"),
    [("440000", 124, 21), ("110000", 16, 1), ("460000", 26, 19)],
)
def test_areas_of_other_provinces_come_from_the_boundaries(
    tmp_path, hubei, region, counties, prefectures
):
    other = hubei.model_copy(update={"region": region, "folder": tmp_path})
    table = published.areas(other)
    assert (len(table), table["prefecture"].nunique()) == (counties, prefectures)
    assert not table.isna().any().any()


def province(tmp_path, hubei, text: str):
    (tmp_path / "official_confirmed.csv").write_text(text, encoding="utf-8")
    return hubei.model_copy(update={"region": "440000", "folder": tmp_path})


def test_bad_cells_are_set_aside_and_good_ones_go_on(tmp_path, hubei):
    text = (
        "date,440100,440300,999999\n"
        "2020-02-01,100,１２,\n"
        '2020年2月2日,"1,100",-3,5\n'
        "2020-02-03,many,20,\n"
        "someday,1,2,\n"
        "2020-02-04,1200,21,\n"
        "2020-02-04,1200,22,\n"
    )
    table = published.read(province(tmp_path, hubei, text))
    counts = table.counts.dropna(subset=["confirmed"])
    kept = {(str(r.date.date()), r.adcode): int(r.confirmed) for r in counts.itertuples()}
    assert kept == {
        ("2020-02-01", "440100"): 100,
        ("2020-02-01", "440300"): 12,
        ("2020-02-02", "440100"): 1100,
        ("2020-02-03", "440300"): 20,
        ("2020-02-04", "440100"): 1200,
    }
    reasons = table.quarantine.groupby("reason").size().to_dict()
    assert reasons == {
        "the date cannot be read": 2,
        "the area is not of this study": 1,
        "not a count of whole persons": 2,
        "repeated; the value was taken once": 1,
        "two different values for one day and area": 2,
    }


def test_tidy_counts_are_read_too(tmp_path, hubei):
    text = "date,adcode,confirmed\n2020-02-01,440100,5\n2020-02-02,440100,\n"
    counts = published.read(province(tmp_path, hubei, text)).counts
    assert counts["confirmed"].astype(object).where(counts["confirmed"].notna(), None).tolist() == [
        5,
        None,
    ]


def test_study_without_counts_is_refused(tmp_path, hubei):
    with pytest.raises(StudyError, match="official_confirmed"):
        published.read(hubei.model_copy(update={"folder": tmp_path}))


@pytest.fixture
def listed(tmp_path, hubei):
    folder = tmp_path / "data" / "made"
    folder.mkdir(parents=True)
    good = hashlib.sha256(b"good").hexdigest()
    (folder / "sources.toml").write_text(
        f'[[derived]]\nfile = "a.csv"\nsha256 = "{good}"\n'
        '[[larger]]\nfile = "b.csv"\nurl = "http://127.0.0.1:9/b.csv"\n',
        encoding="utf-8",
    )
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    return hubei.model_copy(update={"folder": folder, "name": "made"}), mirror


def test_mirror_brings_what_matches(listed, monkeypatch):
    study, mirror = listed
    (mirror / "a.csv").write_bytes(b"good")
    monkeypatch.setenv("WORKBENCH_MIRROR", str(mirror))
    assert [path.read_bytes() for path in sources.fetch(study, ["a.csv"])] == [b"good"]
    assert [source.state for source in sources.known(study)] == ["absent", "here"]


def test_altered_file_is_refused_and_leaves_nothing(listed):
    study, mirror = listed
    (mirror / "a.csv").write_bytes(b"evil")
    with pytest.raises(SourceError, match="sha256"):
        sources.fetch(study, ["a.csv"], mirror)
    assert list(sources.folder(study).iterdir()) == []


def test_first_arrival_is_trusted_only_when_asked_and_then_binds(listed):
    study, mirror = listed
    (mirror / "b.csv").write_bytes(b"first")
    with pytest.raises(SourceError, match="no sha256"):
        sources.fetch(study, ["b.csv"], mirror)
    [path] = sources.fetch(study, ["b.csv"], mirror, trust_first=True)
    path.unlink()
    (mirror / "b.csv").write_bytes(b"second")
    with pytest.raises(SourceError, match="what arrived"):
        sources.fetch(study, ["b.csv"], mirror, trust_first=True)


def test_every_failure_is_listed_and_the_rest_is_brought(listed):
    study, mirror = listed
    (mirror / "a.csv").write_bytes(b"good")
    with pytest.raises(SourceError) as caught:
        sources.fetch(study, mirror=mirror)
    assert len(caught.value.breaches) == 1
    assert (sources.folder(study) / "a.csv").is_file()


def test_unknown_source_is_refused(listed):
    with pytest.raises(SourceError, match="no such source"):
        sources.fetch(listed[0], ["c.csv"])


def test_graded_units_are_dated(hubei):
    assert hubei.unit_on(date(2020, 3, 2)) == "county"
    assert hubei.unit_on(date(2020, 3, 3)) == "urban_area"


def test_official_lists_hold_every_unit(figures):
    sizes = pd.crosstab(figures.grades["as_of"], figures.grades["grade"])
    expected = pd.DataFrame({"high": [58, 37, 1], "low": [11, 22, 63], "medium": [34, 17, 12]})
    assert sizes.to_numpy().tolist() == expected.to_numpy().tolist()
