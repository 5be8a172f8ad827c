"""Public indices: days whose table is another region's are found by what they say."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import engine, study
from analytics.analysis import channel
from analytics.analysis.channel import mobility
from analytics.pool import figures, published, sources

DAYS = pd.date_range("2020-03-01", periods=15)
PLACES = ["420900", "421100", "440300", "310000"]


def shares(origin="420100", seed=1) -> pd.DataFrame:
    """Fifteen days of shares that hardly change."""
    generator = np.random.default_rng(seed)
    rows = [
        (day, origin, "out", place, share)
        for day in DAYS
        for place, share in zip(PLACES, generator.dirichlet([40, 30, 20, 10]) * 0.95, strict=True)
    ]
    return pd.DataFrame(rows, columns=["date", "origin", "direction", "region", "share"])


def test_usual_days_are_not_broken_and_one_that_goes_elsewhere_is():
    usual = shares()
    assert not mobility.broken_days(usual)["broken"].any()
    other = usual["date"] == DAYS[7]
    usual.loc[other, "share"] = [0.01, 0.02, 0.5, 0.4]
    judged = mobility.broken_days(usual)
    assert judged.loc[judged["broken"], "date"].tolist() == [DAYS[7]]
    assert judged.loc[judged["broken"], "distance"].iloc[0] > 0.5


def test_two_regions_with_one_table_and_a_province_that_travels_within_itself():
    first, second = shares(), shares("430000", seed=2)
    copied = second["date"] == DAYS[3]
    second.loc[copied, "share"] = first.loc[first["date"] == DAYS[3], "share"].to_numpy()
    third = shares("440000", seed=3)
    third = third[(third["region"] != "440300") | (third["date"] == DAYS[5])]
    judged = mobility.broken_days(pd.concat([first, second, third], ignore_index=True))
    twins = judged[judged["twin"].notna()].set_index("origin")["twin"].to_dict()
    assert twins == {"420100": "430000", "430000": "420100"}
    inside = judged[judged["inside"] > 0]
    assert inside[["origin", "date"]].to_numpy().tolist() == [["440000", DAYS[5]]]
    assert judged["broken"].sum() == 3


def test_flows_are_empty_where_the_share_or_the_index_is_not_known():
    table = shares()
    table.loc[table["date"] == DAYS[7], "share"] = [0.01, 0.02, 0.5, 0.4]
    scale = pd.DataFrame({"date": DAYS[:10], "origin": "420100", "direction": "out", "scale": 2.0})
    flows = mobility.index_flows(table, scale, mobility.broken_days(table))
    known = flows.groupby("date")["flow"].apply(lambda f: f.notna().all())
    assert known[known].index.tolist() == [day for day in DAYS[:10] if day != DAYS[7]]
    assert set(flows["origin"]) == {"420100"}
    assert flows.loc[flows["date"] == DAYS[0], "flow"].sum() == pytest.approx(2 * 0.95)


STAYS = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.integers(1, 9), st.sampled_from(PLACES), st.integers(1, 24)
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(STAYS)
def test_trips_of_phones_conserve_travellers(stays):
    """In each city: those who came less those who left is the change of who is there."""
    seen = ibis.memtable(
        pa.table(
            {
                "person": [s[0] for s in stays],
                "date": pa.array([datetime(2020, 3, s[1]).date() for s in stays]),
                "city": [s[2] for s in stays],
                "hours": [s[3] for s in stays],
            }
        )
    )
    connection = engine.connect(threads=1)
    flows = engine.collect(channel.flows(channel.trips_by_roaming(seen), "county"), connection)
    connection.disconnect()
    ordered = sorted(stays, key=lambda s: (s[0], s[1], -s[3], s[2]))
    first, last = {}, {}
    for who, day, city, _ in ordered:
        if (who, day) not in last:
            last[who, day] = city
    for (who, _), city in sorted(last.items()):
        first.setdefault(who, city)
    end = {who: city for (who, _), city in sorted(last.items())}
    for place in PLACES:
        came = flows.loc[flows["destination"] == place, "travellers"].sum()
        left = flows.loc[flows["origin"] == place, "travellers"].sum()
        there = list(end.values()).count(place) - list(first.values()).count(place)
        assert came - left == there


@pytest.mark.real
def test_indices_enter_the_archive_and_12_april_is_caught(tmp_path, monkeypatch):
    """By its evidence: the tables of Wuhan and of Hubei are one, far from the days around."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    chosen = study.load("hubei-2020")
    monkeypatch.setattr(sources, "folder", lambda _: tmp_path)
    files = ["baidu_wuhan_od_share.csv", "baidu_hubei_od_share.csv", "baidu_migration_scale.csv"]
    mirror = Path(os.environ["WORKBENCH_SHARED"]) / "data" / "real"
    there = {path.name for path in sources.fetch(chosen, files, mirror)}
    assert there == set(files)
    monkeypatch.setattr("analytics.pool.staging._fetched", lambda _: tmp_path)
    figures.bring(chosen)
    table, scale = published.mobility(chosen, study.moment(chosen.last_date))
    assert (len(table), len(scale)) == (42_400, 664)
    judged = mobility.broken_days(table)
    wuhan = judged[(judged["origin"] == "420100") & judged["broken"].astype(bool)]
    assert {str(day.date()) for day in wuhan["date"]} == {"2020-04-12"}
    assert set(wuhan["direction"]) == {"in", "out"}
    assert set(wuhan["twin"]) == {"420000"}
    early, _ = published.mobility(chosen, study.moment(chosen.first_date))
    assert early["date"].max() == pd.Timestamp(chosen.first_date)
