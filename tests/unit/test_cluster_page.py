"""Clusters on the risk page: counts, chains laid over one another, and no small count."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from tests.drawn import linked

from analytics import study as studies
from analytics.errors import DisclosureError
from analytics.pool.areas import areas
from analytics.privacy import keys, vault
from analytics.render import risk as render
from analytics.render.blocks import Missing, dumps
from analytics.reporting import clusters

DAY = date(2020, 2, 29)
FIRST = date(2020, 2, 10)


def seal(study, households: int, workplaces: int):
    """Households of two cases a week apart, half of them confirmed, and workplaces of three."""
    found, members = [], []
    for n in range(households + workplaces):
        setting, size = ("household", 2) if n < households else ("workplace", 3)
        name, county = f"{setting}/{n}", "420102" if n % 2 else "420502"
        found.append(
            {"cluster": name, "setting": setting, "county": county, "cases": size,
             "first_onset": FIRST, "latest_onset": FIRST + timedelta(7), "since": FIRST,
             "status": "confirmed" if n % 2 and setting == "household" else "found"}
        )  # fmt: skip
        members += [
            {"cluster": name, "person": f"p{n}.{k}", "case_number": f"c{n}.{k}",
             "county": county, "day": FIRST + timedelta(7 if k else 0), "order": k + 1,
             "infector": f"p{n}.0" if k else None, "chance": 1.0 if k else None}
            for k in range(size)
        ]  # fmt: skip
    ring = keys.create(study.name)
    persons = pa.table({"person": ["p"]})
    for name, table in (
        ("persons", persons),
        ("clusters", pa.Table.from_pylist(found)),
        ("members", pa.Table.from_pylist(members)),
    ):
        place = f"screening/{DAY}/{name}"
        vault.seal_table(study.state / "vault", table, place, DAY, ring)


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    return studies.load("hubei-2020-simulated")


def page(study):
    found = clusters.clustered(study, DAY, areas(study))
    return found, render.clusters(found.counts, found.generations, found.areas, areas(study), study)


def test_without_a_screening_there_is_nothing_to_show(study):
    assert clusters.clustered(study, DAY, areas(study)) is None
    assert clusters.confirmed(study, DAY) is None


def test_clusters_and_their_chains_are_shown(study):
    """Forty households: forty first cases, forty a week later; twenty workplaces, as many twice."""
    seal(study, 40, 20)
    found, section = page(study)
    assert section.title.zh == "聚集性疫情60起：待核实40起、已报未确认0起、已确认20起"
    assert section.title.en.startswith("60 clusters: 40 to verify, 0 reported and 20 confirmed")
    rows = {row["setting"].en: row for row in section.tables[0].rows}
    assert (rows["household"]["total"], rows["workplace"]["found"]) == (40, 20)
    chains = found.generations.set_index(["setting", "generation"])
    assert chains.loc[("household", "later"), ["persons", "days"]].tolist() == [40, 7]
    (chart,) = section.charts
    assert "household: first 40 (day 0), second 40 (day 7)" in chart.alternative.en
    assert "家庭：首发40例（第0天），第二代40例（第7天）" in chart.alternative.zh
    drawn = [trace["text"] for trace in chart.figure["zh"]["data"]]
    assert drawn[1] == ["首发20例", "第二代40例"]
    assert not any(word in dumps(section) for word in ("p0.0", "c0.0"))


def test_few_clusters_are_not_told(study):
    seal(study, 3, 0)
    found, section = page(study)
    assert section.title.zh == "聚集性疫情：起数不予公布"
    assert section.charts == ()
    told = [
        *found.counts.melt("setting")["value"].dropna(),
        *found.generations["persons"].dropna(),
        *found.areas["persons"].dropna(),
    ]
    assert all(value == 0 or value >= 10 for value in told)
    assert isinstance(section.tables[0].rows[0]["total"], Missing)


def test_confirmed_clusters_count_for_grades_and_others_wait(study, monkeypatch):
    """Of 420102 some are confirmed; those of 420502 were only found."""
    seal(study, 4, 2)
    view = linked("cluster_events", "county | latest_onset | reported | confirmed")
    monkeypatch.setattr(clusters.linked, "read", lambda *_, **__: {"cluster_events": view})
    sure = clusters.confirmed(study, DAY)
    assert sure["adcode"].unique().tolist() == ["420102"]
    assert pd.Timestamp(sure["last_date"].max()) == pd.Timestamp(FIRST + timedelta(7))
    assert sure["cluster"].all()


def test_a_study_without_records_of_persons_says_what_its_page_lacks():
    section = render.unlinked()
    assert "未列不等于没有" in section.paragraphs[0].zh
    assert section.tables == section.charts == ()


def test_what_may_not_leave_at_all_is_left_out_and_the_page_still_made(study, monkeypatch):
    """A second search of the day may contradict what left before: nothing of it does."""
    seal(study, 40, 20)

    def refuse(*_: object) -> None:
        raise DisclosureError("contradicts what was released")

    monkeypatch.setattr(clusters, "release", refuse)
    found, section = page(study)
    assert section.title.zh == "聚集性疫情：起数不予公布"
    assert found.counts.drop(columns="setting").isna().all(axis=None)
    assert len(found.generations) == len(found.areas) == 0
