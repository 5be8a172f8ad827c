"""Published figures: the real tables, other provinces, and faults in files."""

from __future__ import annotations

import hashlib
from datetime import date

import pandas as pd
import pytest

from analytics import study as studies
from analytics.analysis import incidence
from analytics.errors import ArchiveError, SourceError, StudyError
from analytics.pool import archive, areas, boundaries, figures, published, sources


@pytest.fixture(scope="module")
def hubei():
    return studies.load("hubei-2020")


@pytest.fixture(scope="module")
def known(hubei):
    figures.bring(hubei)
    return published.read(hubei)


@pytest.fixture
def elsewhere(tmp_path, hubei, monkeypatch):
    """Another province's study, with a folder and an archive of its own."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    folder = tmp_path / "data"
    folder.mkdir()
    return hubei.model_copy(update={"region": "440000", "folder": folder, "name": "guangdong"})


def pooled(study, text: str, name: str = "official_confirmed.csv"):
    (study.folder / name).write_text(text, encoding="utf-8")
    figures.bring(study)
    return published.read(study)


def confirmed(table) -> dict[tuple[str, str], int]:
    counts = table.counts.dropna(subset=["confirmed"])
    return {(str(r.date.date()), r.adcode): int(r.confirmed) for r in counts.itertuples()}


def test_published_totals_of_known_days(hubei, known):
    steps = incidence.daily(known.counts, hubei.definition_changes)
    total = incidence.total(steps).set_index("date")
    wuhan = steps[steps["adcode"] == "420100"].set_index("date")
    assert total.loc["2020-02-29", ["cumulative", "new"]].tolist() == [66907, 570]
    assert wuhan.loc["2020-02-29", ["cumulative", "new"]].tolist() == [49122, 565]
    assert total.loc["2020-02-12", ["step", "definition_change"]].tolist() == [14840, True]
    assert steps["retracted"].sum() == 414
    assert (steps["step"] < 0).sum() == 21


def test_every_small_table_is_the_one_registered(known):
    registered = known.supplies.dropna(subset=["verified"])
    assert registered["verified"].tolist() == [True] * 8
    assert known.quarantine.empty


def test_areas_boundaries_and_counts_name_the_same_places(hubei, known):
    assert len(known.areas) == 103
    assert set(boundaries.read(hubei, "county")["adcode"]) == set(known.areas["adcode"])
    prefectures = set(known.areas["prefecture"])
    assert set(boundaries.read(hubei, "prefecture")["adcode"]) == prefectures
    assert set(known.counts["adcode"]) == prefectures


def test_nobody_is_lost_when_codes_are_joined(known):
    table = known.population.set_index("adcode")
    counties = table[table["level"] == "county"]
    assert set(counties.index) == set(known.areas["adcode"])
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
    table = areas.areas(other)
    assert (len(table), table["prefecture"].nunique()) == (counties, prefectures)
    assert not table.isna().any().any()


def test_bad_cells_are_set_aside_and_good_ones_go_on(elsewhere):
    text = (
        "date,440100,440300,999999\n"
        "2020-02-01,100,１２,\n"
        '2020年2月2日,"1,100",-3,5\n'
        "2020-02-03,many,20,\n"
        "someday,1,2,\n"
        "2020-02-04,1200,21,\n"
        "2020-02-04,1200,22,\n"
    )
    table = pooled(elsewhere, text)
    assert confirmed(table) == {
        ("2020-02-01", "440100"): 100,
        ("2020-02-01", "440300"): 12,
        ("2020-02-02", "440100"): 1100,
        ("2020-02-03", "440300"): 20,
        ("2020-02-04", "440100"): 1200,
    }
    reasons = table.quarantine.groupby(["column", "reason"]).size().to_dict()
    assert sum(reasons.values()) == 7
    assert set(table.quarantine["file"]) == {"official_confirmed.csv"}
    assert table.quarantine.groupby("column").size().to_dict() == {
        "cumulative": 4,  # below zero, a word, and two that contradict one another
        "date": 2,
        "region": 1,
    }
    listing = table.supplies.set_index("file")
    assert listing.loc["official_confirmed.csv", "set_aside"] == 7


def test_areas_of_other_provinces_are_set_aside(elsewhere):
    table = pooled(elsewhere, "date,440100,420100\n2020-02-01,100,7\n")
    assert confirmed(table) == {("2020-02-01", "440100"): 100}
    assert table.quarantine["reason"].tolist() == ["not_of_this_study"]


def test_tidy_counts_are_read_too(elsewhere):
    table = pooled(elsewhere, "date,adcode,confirmed\n2020-02-01,440100,5\n2020-02-02,440100,\n")
    counts = table.counts["confirmed"]
    assert counts.astype(object).where(counts.notna(), None).tolist() == [5, None]


def test_a_file_put_right_and_back_again_is_what_is_read(elsewhere):
    first = "date,440100,440300\n2020-02-01,100,5\n2020-02-02,110,6\n"
    second = "date,440100\n2020-02-01,101\n2020-02-02,110\n"
    seen = [confirmed(pooled(elsewhere, text)) for text in (first, second, first, first)]
    assert seen[0] == seen[2] == seen[3]
    assert seen[0]["2020-02-01", "440100"] == 100
    assert seen[1] == {("2020-02-01", "440100"): 101, ("2020-02-02", "440100"): 110}
    assert len(archive.entries(elsewhere.state / "archive")) == 6
    on_time = published.read(elsewhere, studies.moment(date(2020, 2, 1)))
    assert set(on_time.counts["date"]) == {pd.Timestamp("2020-02-01")}


def test_study_without_counts_says_what_to_run(elsewhere):
    with pytest.raises(ArchiveError, match="official_confirmed") as caught:
        published.read(elsewhere)
    assert "workbench pool --study guangdong" in str(caught.value)


def test_missing_columns_are_named(elsewhere):
    with pytest.raises(StudyError, match="'date'"):
        pooled(elsewhere, "day,440100\n2020-02-01,1\n")


@pytest.mark.usefixtures("known")
def test_nothing_is_known_before_its_day_ends(hubei):
    then = published.read(hubei, studies.moment(date(2020, 2, 29)))
    assert then.counts["date"].max() == pd.Timestamp("2020-02-29")
    today = then.counts[then.counts["date"] == then.counts["date"].max()]
    assert today["confirmed"].sum() == 66907
    assert set(then.grades["as_of"]) == {pd.Timestamp("2020-02-28")}
    assert then.county_cumulative.empty
    later = published.read(hubei, studies.moment(date(2020, 2, 29)), retrospective=True)
    assert later.county_cumulative["adcode"].nunique() == 103
    pd.testing.assert_frame_equal(later.counts, then.counts)


def test_what_is_read_is_what_the_files_say(hubei, known):
    """Cells of the files as written, counted without the pool."""
    for measure in published.SERIES:
        wide = pd.read_csv(hubei.folder / f"official_{measure}.csv").set_index("date")
        read = known.counts.set_index(["date", "adcode"])[measure].unstack()  # noqa: PD010
        read.index = read.index.strftime("%Y-%m-%d")
        pd.testing.assert_frame_equal(
            read.astype("float64"), wide.astype("float64"), check_names=False,
            check_index_type=False, check_column_type=False,
        )  # fmt: skip
    lists = pd.read_csv(hubei.folder / "official_grades.csv", dtype="str")
    assert set(
        zip(lists["as_of"], lists["unit"], lists["adcode"], lists["grade"], strict=True)
    ) == {
        (str(row.as_of.date()), row.unit, row.adcode, row.grade)
        for row in known.grades.itertuples()
    }


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


def test_official_lists_hold_every_unit(known):
    sizes = pd.crosstab(known.grades["as_of"], known.grades["grade"])
    expected = pd.DataFrame({"high": [58, 37, 1], "low": [11, 22, 63], "medium": [34, 17, 12]})
    assert sizes.to_numpy().tolist() == expected.to_numpy().tolist()
