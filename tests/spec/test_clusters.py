"""Clusters of linked cases: behaviour in drawn tables."""

from __future__ import annotations

from datetime import date

import ibis
import pyarrow as pa
import pytest
from tests.drawn import linked

from analytics import engine
from analytics.analysis import clusters
from analytics.errors import ParameterError

RULES = clusters.load()
DAY = date(2020, 2, 29)
CONNECTION = engine.connect(threads=1)

CASES = """
person | case_number | reporting_county | classification | onset | reported | confirmed
a | c1 | 420106 | confirmed    | 2020-02-01 | 2020-02-03 | 2020-02-04
b | c2 | 420106 | confirmed    | 2020-02-08 | 2020-02-10 | 2020-02-11
c | c3 | 420106 | asymptomatic |            | 2020-02-16 | 2020-02-16
d | c4 | 420107 | suspected    | 2020-02-09 | 2020-02-10 |
e | c5 | 420107 | confirmed    | 2020-02-09 | 2020-02-10 | 2020-02-11
f | c6 | 420107 | confirmed    | 2020-02-23 | 2020-02-24 | 2020-02-24
"""
HOMES = """
person | county | household
a | 420106 | h1
b | 420106 | h1
c | 420106 | h1
d | 420107 | h2
e | 420107 | h2
f | 420107 | h2
"""


def found(feeds: dict[str, str], as_of: date = DAY) -> clusters.Found:
    given = {feed: linked(feed, text) for feed, text in feeds.items()}
    return clusters.find(given, RULES, as_of)


def rows(table: object) -> list[dict[str, object]]:
    return engine.rows(table, CONNECTION).to_pylist()


def test_two_counted_cases_of_a_household_within_fourteen_days_are_a_cluster():
    """Suspected cases do not count; 23 February is the fifteenth day from 9 February."""
    [cluster] = rows(found({"cases": CASES, "resident_register": HOMES}).clusters)
    assert cluster == {
        "cluster": "household/resident_register/420106/h1/2020-02-01",
        "setting": "household",
        "county": "420106",
        "cases": 3,
        "first_onset": date(2020, 2, 1),
        "latest_onset": date(2020, 2, 16),
        "since": date(2020, 2, 8),
        "status": "found",
    }


@pytest.mark.parametrize(("day", "number"), [("2020-02-22", 1), ("2020-02-23", 0)])
def test_the_window_is_fourteen_days_both_ends_included(day, number):
    feeds = {"cases": CASES.replace("2020-02-23", day), "resident_register": HOMES}
    names = [row for row in rows(found(feeds).clusters) if row["county"] == "420107"]
    assert len(names) == number


def test_what_is_not_known_yet_is_in_no_cluster():
    feeds = {"cases": CASES, "resident_register": HOMES}
    assert rows(found(feeds, date(2020, 2, 9)).clusters) == []
    [early] = rows(found(feeds, date(2020, 2, 10)).clusters)
    assert early["cases"] == 2


def test_the_seventh_edition_asks_for_five():
    feeds = {"cases": CASES, "resident_register": HOMES}
    assert rows(found(feeds, date(2020, 9, 14)).clusters) != []
    assert rows(found(feeds, date(2020, 9, 15)).clusters) == []


def test_workplaces_sites_and_carriages_are_places_too():
    feeds = {
        "cases": CASES,
        "community_registration": """
        person | county | household | employer
        a | 420106 |    | e1
        e | 420107 |    | e1
        """,
        "placements": """
        person | placement_number | site | room_type | room | check_in | check_out
        b | p1 | s1 | male | 1 | 2020-01-20 | 2020-02-01
        c | p2 | s1 | male | 2 | 2020-02-01 |
        e | p3 | s1 | male | 3 | 2020-01-01 | 2020-01-25
        """,
        "tickets": """
        person | ticket_number | mode | service | service_date | carriage
        b | t1 | rail | G1 | 2020-01-25 | 5
        e | t2 | rail | G1 | 2020-01-26 | 5
        e | t3 | rail | G1 | 2020-01-25 | 5
        a | t4 | rail | G1 | 2020-01-25 |
        """,
    }
    settings = {row["setting"]: row["cluster"] for row in rows(found(feeds).clusters)}
    assert settings == {
        "workplace": "workplace/e1/2020-02-01",
        "site": "site/s1/2020-02-08",
    }
    feeds["tickets"] = feeds["tickets"].replace("2020-01-25 | 5", "2020-01-26 | 5")
    settings = {row["setting"]: row["cluster"] for row in rows(found(feeds).clusters)}
    assert settings["carriage"] == "carriage/rail/G1/2020-01-26/5/2020-02-08"


def test_the_chain_follows_onsets_and_the_serial_interval():
    """Seven days before are likelier than fourteen or one (7.5 ± 3.4 days, Li et al. 2020)."""
    members = rows(found({"cases": CASES, "resident_register": HOMES}).members)
    chain = {row["person"]: (row["order"], row["infector"]) for row in members}
    assert chain == {"a": (1, None), "b": (2, "a"), "c": (3, "b")}
    chance = {row["person"]: row["chance"] for row in members}
    assert chance["b"] == pytest.approx(1.0)
    assert 0.5 < chance["c"] < 1.0


def test_onsets_of_one_day_infect_nobody():
    feeds = {"cases": CASES.replace("2020-02-08", "2020-02-01"), "resident_register": HOMES}
    members = rows(found(feeds).members)
    assert {row["person"]: row["infector"] for row in members if row["order"] <= 2} == {
        "a": None, "b": None,
    }  # fmt: skip


EVENTS = """
cluster | county | setting | first_onset | latest_onset | reported | cases | confirmed
j1 | 420106 | household | 2020-02-01 | 2020-02-08 | 2020-02-12 | 2 | {confirmed}
j2 | 420108 | workplace | 2020-02-20 | 2020-02-25 | 2020-02-26 | 4 | yes
j3 | 420109 | workplace | 2020-02-20 | 2020-02-25 | 2020-02-26 | 4 | no
j4 | 420110 | workplace | 2020-02-20 | 2020-02-25 | 2020-03-01 | 4 | yes
"""


@pytest.mark.parametrize(
    ("confirmed", "status"), [("yes", "confirmed"), ("no", "declared"), ("", "declared")]
)
def test_the_field_confirms_and_only_the_confirmed_grades(confirmed, status):
    events = EVENTS.format(confirmed=confirmed)
    feeds = {"cases": CASES, "resident_register": HOMES, "cluster_events": events}
    found_ = found(feeds)
    [cluster] = rows(found_.clusters)
    assert cluster["status"] == status
    given = rows(clusters.graded(found_.clusters, linked("cluster_events", events), DAY))
    assert {row["adcode"] for row in given} == (
        {"420106", "420108"} if confirmed == "yes" else {"420108"}
    )
    assert all(row["cluster"] for row in given)


@pytest.mark.parametrize(("sure", "status"), [(True, "confirmed"), (False, "refuted")])
@pytest.mark.parametrize("declared", ["yes", "no"])
def test_an_answer_about_the_first_case_goes_before_what_was_declared(sure, status, declared):
    events = EVENTS.format(confirmed=declared)
    given = {"cases": CASES, "resident_register": HOMES, "cluster_events": events}
    tables = {feed: linked(feed, text) for feed, text in given.items()}
    said = ibis.memtable(pa.table({"person": ["a", "b"], "sure": [sure, not sure]}))
    found_ = clusters.find(tables, RULES, DAY, said)
    [cluster] = rows(found_.clusters)
    assert cluster["status"] == status
    counted = rows(clusters.graded(found_.clusters, None, DAY))
    assert {row["adcode"] for row in counted} == ({"420106"} if sure else set())


def test_before_the_first_protocol_clusters_are_refused():
    with pytest.raises(ParameterError, match="2020-01-01"):
        found({"cases": CASES}, date(2020, 1, 1))


TWO_REGISTERS = """
person | county | household | employer
a | 420106 | x9 |
b | 420106 | x9 |
c | 420106 | x9 |
"""


def test_a_household_that_two_registers_tell_of_counts_once():
    """Both name the same three, under numbers of their own."""
    feeds = {"cases": CASES, "resident_register": HOMES, "community_registration": TWO_REGISTERS}
    both = found(feeds)
    assert len(rows(both.clusters)) == 2
    once = clusters.once(both.clusters, both.members)
    assert rows(clusters.counts(once, both.members)) == [
        {"setting": "household", "status": "found", "county": "420106", "clusters": 1,
         "persons": 3}
    ]  # fmt: skip


LONG = """
person | case_number | reporting_county | classification | onset | reported | confirmed
a | c1 | 420106 | confirmed | 2020-02-01 | 2020-02-03 | 2020-02-04
b | c2 | 420106 | confirmed | 2020-02-08 | 2020-02-10 | 2020-02-11
c | c3 | 420106 | confirmed | 2020-02-15 | 2020-02-16 | 2020-02-16
d | c4 | 420106 | confirmed | 2020-02-22 | 2020-02-23 | 2020-02-24
"""


def test_chains_are_laid_over_one_another_by_generation():
    """Each a week after the one before: first, second, and two of a third or later generation."""
    homes = HOMES.replace("420107 | h2", "420106 | h1")
    both = found({"cases": LONG, "resident_register": homes})
    table = clusters.generations(clusters.once(both.clusters, both.members), both.members)
    told = {row["generation"]: (row["persons"], row["days"]) for row in rows(table)}
    assert told == {"first": (1, 0), "second": (1, 7), "third": (2, 17.5), "later": (3, 14)}


def test_who_is_in_two_clusters_counts_in_the_larger_alone():
    """Three of one household; two of them at one employer."""
    work = HOMES.replace("household", "household | employer").replace("h1", "h1 | e1")
    work = work.replace("c | 420106 | h1 | e1", "c | 420106 | h1 |").replace("h2", "h2 |")
    both = found({"cases": CASES, "community_registration": work})
    once = clusters.once(both.clusters, both.members)
    told = rows(clusters.counts(once, both.members))
    assert {row["setting"]: (row["clusters"], row["persons"]) for row in told} == {
        "household": (1, 3), "workplace": (1, 0),
    }  # fmt: skip
    laid = rows(clusters.generations(once, both.members))
    assert {row["setting"] for row in laid} == {"household"}
