"""Screening, contact graph and clusters say on Spark what they say on DuckDB."""

from __future__ import annotations

from datetime import date

import pytest

from analytics import engine
from analytics.analysis import clusters, screening
from tests.drawn import linked

DAY = date(2020, 2, 29)
DRAWN = {
    "cases": """
    person | case_number | reporting_county | classification | onset | reported | confirmed \
    | outcome | outcome_date
    ill  | c1 | 420106 | confirmed | 2020-02-20 | 2020-02-22 | 2020-02-23 |           |
    wife | c2 | 420106 | confirmed | 2020-02-26 | 2020-02-27 | 2020-02-28 |           |
    well | c3 | 420106 | confirmed | 2020-02-01 | 2020-02-03 | 2020-02-04 | recovered | 2020-02-20
         | c4 | 420106 | suspected | 2020-02-20 | 2020-02-22 |            |           |
    """,
    "fever_visits": """
    person | visit_number | visited | county | onset | temperature | respiratory | imaging \
    | lymphocytes_low | exposure | diagnosis
    hot  | v1 | 2020-02-26 10:00 | 420106 | 2020-02-25 | 38.2 |     | yes |     | yes | suspected
    cold | v2 | 2020-02-26 10:00 | 440106 |            | 37.9 | yes | no  | no  | no  | fever
    open | v3 | 2020-02-26 10:00 | 440106 |            | 37.9 |     |     |     | yes |
    """,
    "tests": """
    person | test_number | method | sampled | resulted | result
    hot  | t1 | nucleic_acid | 2020-02-26 12:00 | 2020-02-26 20:00 | negative
    hot  | t2 | nucleic_acid | 2020-02-27 12:00 | 2020-02-27 20:00 | negative
    free | t3 | nucleic_acid | 2020-02-27 12:00 | 2020-02-27 20:00 | positive
    """,
    "declarations": """
    person | declaration_number | declared | temperature | fever | respiratory | contact | travel
    free | d1 | 2020-02-27 08:00 | 36.5 | no  | no | no | no
    warm | d2 | 2020-02-28 08:00 | 37.6 |     |    |    |
    """,
    "contacts": """
    person | contact_number | case_number | first_contact | last_contact | reported | traced \
    | status
    met  | k1 | c1 | 2020-02-19 | 2020-02-21 | 2020-02-23 09:00 | 2020-02-23 19:00 |
    lost | k2 | c9 |            | 2020-02-21 | 2020-02-23 09:00 |                  | lost
    """,
    "resident_register": """
    person | county | household
    ill  | 420106 | h1
    wife | 420106 | h1
    met  | 420106 | h2
    aunt | 420106 | h2
    """,
    "placements": """
    person | placement_number | site | room_type | room | check_in | check_out
    ill  | a1 | s1 | male | 101 | 2020-02-10 | 2020-02-22
    mate | a2 | s1 | male | 101 | 2020-02-22 |
    """,
    "tickets": """
    person | ticket_number | mode | service | service_date | carriage | row | seat | board_stop \
    | alight_stop | departure | arrival
    ill  | r0 | rail | G1 | 2020-02-20 | 5 | 10 | B | 2 | 5 | 2020-02-20 08:00 | 2020-02-20 11:00
    near | r1 | rail | G1 | 2020-02-20 | 5 | 12 | A | 1 | 4 | 2020-02-20 07:00 | 2020-02-20 10:00
    who  | r2 | rail | G1 | 2020-02-20 | 5 |    |   | 1 | 4 | 2020-02-20 07:00 | 2020-02-20 10:00
    """,
}


def held(connection, name, rows):
    if connection.name == "duckdb":
        return connection.create_table(name, rows, temp=True, overwrite=True)
    connection._session.createDataFrame(rows).createOrReplaceTempView(name)
    return connection.table(name)


def asked(connection):
    given = {feed: held(connection, feed, linked(feed, text).to_pyarrow())
             for feed, text in DRAWN.items()}  # fmt: skip
    protocols = screening.load()
    found = screening.screen(given, protocols, DAY)
    groups = clusters.find(given, clusters.load(), DAY)
    return {
        "persons": found.persons,
        "trace": found.trace,
        "graph": screening.graph(given, protocols, DAY),
        "indicators": screening.indicators(given, protocols, DAY),
        "clusters": groups.clusters,
        "members": groups.members,
    }


def answered(table, connection):
    rows = engine.rows(table, connection).to_pylist()
    rounded = [{k: round(v, 9) if isinstance(v, float) else v for k, v in row.items()}
               for row in rows]  # fmt: skip
    return sorted(rounded, key=str)


@pytest.mark.parametrize("name", ["persons", "trace", "graph", "indicators", "clusters", "members"])
def test_both_engines_give_the_same_rows(spark, duck, name):
    ours, theirs = answered(asked(duck)[name], duck), answered(asked(spark)[name], spark)
    assert ours
    assert theirs == ours
