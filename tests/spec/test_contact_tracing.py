"""Who met whom: co-travel, two generations, and how tracing does; drawn tables."""

from __future__ import annotations

from datetime import date

import pytest
from tests.drawn import linked

from analytics import engine
from analytics.analysis import screening

PROTOCOLS = screening.load()
DAY = date(2020, 2, 29)
CONNECTION = engine.connect(threads=1)

CASES = """
person | case_number | reporting_county | classification | onset | reported | confirmed
ill    | c1 | 420106 | confirmed | 2020-02-20 | 2020-02-22 | 2020-02-23
"""
TICKET = (
    "person | ticket_number | mode | service | service_date | carriage | row | seat"
    " | board_stop | alight_stop | departure | arrival"
)
ILL = "ill | t0 | rail | G1 | 2020-02-20 | 5 | 10 | B | 2 | 5 | 2020-02-20 08:00 | 2020-02-20 11:00"


def tickets(*rows: str) -> dict[str, str]:
    return {"cases": CASES, "tickets": "\n".join([TICKET, *rows])}


def rider(who: str, **changes: str) -> str:
    cells = {
        "person": who, "ticket_number": f"t-{who}", "mode": "rail", "service": "G1",
        "service_date": "2020-02-20", "carriage": "5", "row": "11", "seat": "B",
        "board_stop": "2", "alight_stop": "5", "departure": "2020-02-20 08:00",
        "arrival": "2020-02-20 11:00", **changes,
    }  # fmt: skip
    return " | ".join(cells.values())


def tables(feeds: dict[str, str]) -> dict[str, object]:
    return {feed: linked(feed, text) for feed, text in feeds.items()}


def met(feeds: dict[str, str]) -> dict[str, bool | None]:
    """Whether each person met the case: yes, or not decided; absent: no."""
    found = screening.first_generation(tables(feeds), PROTOCOLS, DAY)
    return {row["person"]: row["holds"] for row in engine.rows(found, CONNECTION).to_pylist()}


def pairs(*rows: str) -> dict[str, dict[str, object]]:
    given = tables(tickets(*rows))
    source = screening.sources({"cases": given["cases"]}, PROTOCOLS, DAY)
    ticket = given["tickets"]
    columns = {"tickets": ticket}
    near = screening.pairs(columns["tickets"], source, PROTOCOLS.travel, DAY)
    return {row["person"]: row for row in engine.rows(near, CONNECTION).to_pylist()}


def test_near_is_within_three_rows_of_one_carriage_on_an_overlapping_stretch_of_one_run():
    rows = [
        rider("beside", row="10", seat="A"),
        rider("three rows", row="13"),
        rider("four rows", row="14"),
        rider("next carriage", carriage="6"),
        rider("next day", service_date="2020-02-21", departure="2020-02-21 08:00"),
        rider("other train", service="G2"),
        rider("on when ill leaves", board_stop="5", alight_stop="6"),
        rider("off when ill boards", board_stop="0", alight_stop="2"),
        rider("one stop shared", board_stop="4", alight_stop="9"),
        rider("around", board_stop="0", alight_stop="9"),
        rider("row unknown", row=""),
        rider("carriage unknown", carriage=""),
        rider("row and train wrong", row="", service="G2"),
    ]
    assert met(tickets(ILL, *rows)) == {
        "beside": True, "three rows": True, "one stop shared": True, "around": True,
        "row unknown": None, "carriage unknown": None,
    }  # fmt: skip


def test_where_stops_are_not_known_times_decide_and_where_nothing_is_known_it_is_open():
    rows = [
        rider("by time", board_stop="", alight_stop="", departure="2020-02-20 10:59"),
        rider("touching", board_stop="", alight_stop="", departure="2020-02-20 11:00",
              arrival="2020-02-20 13:00"),
        rider("open", board_stop="", alight_stop="", arrival=""),
        rider("one stop says no", board_stop="5", alight_stop="", arrival=""),
    ]  # fmt: skip
    assert met(tickets(ILL, *rows)) == {"by time": True, "open": None}


def test_a_coach_without_carriages_is_one_cabin_and_a_train_without_is_open():
    coach = ILL.replace("rail", "coach").replace("| 5 | 10", "|  | 10")
    assert met(tickets(coach, rider("aboard", mode="coach", carriage=""))) == {"aboard": True}
    train = ILL.replace("| 5 | 10", "|  | 10")
    assert met(tickets(train, rider("aboard", carriage=""))) == {"aboard": None}


def test_only_journeys_on_the_days_of_the_case_count():
    early = ILL.replace("2020-02-20", "2020-02-17")
    on_17 = {"service_date": "2020-02-17", "departure": "2020-02-17 08:00"}
    assert met(tickets(early, rider("aboard", **on_17, arrival="2020-02-17 11:00"))) == {}
    early = ILL.replace("2020-02-20", "2020-02-18")
    on_18 = {"service_date": "2020-02-18", "departure": "2020-02-18 08:00"}
    aboard = rider("aboard", **on_18, arrival="2020-02-18 11:00")
    assert met(tickets(early, aboard)) == {"aboard": True}


@pytest.mark.parametrize(
    ("place", "seating", "rate", "per_hour"),
    [
        ({"row": "10", "seat": "A"}, "adjacent", 0.035, 0.013),
        ({"row": "10", "seat": "D"}, "same_row", 0.015, None),
        ({"row": "11", "seat": "B"}, "other_row", 0.0014, None),
    ],
)
def test_weights_are_the_published_attack_rates_at_mean_hours(place, seating, rate, per_hour):
    """Hu et al. 2020, abstract; mean hours together: 0.32 % / 0.15 % per hour."""
    mean = 0.0032 / 0.0015
    slope = rate / mean if per_hour is None else per_hour
    found = pairs(ILL, rider("near", **place))["near"]
    assert found["seating"] == seating
    assert found["hours"] == pytest.approx(3.0)
    assert found["weight"] == pytest.approx(rate + slope * (3.0 - mean), rel=1e-9)


def test_the_aisle_parts_neighbours_and_hours_beyond_the_study_add_nothing():
    ill = ILL.replace("| B |", "| C |")
    assert pairs(ill, rider("over", row="10", seat="D"))["over"]["seating"] == "same_row"
    long = ILL.replace("11:00", "23:00")
    nine = pairs(long, rider("near", arrival="2020-02-20 17:00"))["near"]
    eight = pairs(long, rider("near", arrival="2020-02-20 16:00"))["near"]
    assert (nine["hours"], eight["hours"]) == (9.0, 8.0)
    assert nine["weight"] == eight["weight"]


def test_two_generations_and_their_times():
    feeds = {
        "cases": CASES,
        "resident_register": """
        person | county | household
        ill    | 420106 | h1
        wife   | 420106 | h1
        mate   | 420106 | h2
        mother | 420106 | h2
        other  | 420106 | h3
        """,
        "contacts": """
        person | contact_number | case_number | first_contact | last_contact | reported
        mate   | k1 | c1 | 2020-02-19 | 2020-02-21 | 2020-02-23 09:00
        """,
        "quarantine": """
        person | order_number | kind | started | reason
        mate   | q1 | central | 2020-02-24 | close_contact
        """,
    }
    graph = screening.graph(tables(feeds), PROTOCOLS, DAY)
    columns = ("generation", "source", "person", "kind", "first", "last")
    found = {tuple(row[c] for c in columns) for row in engine.rows(graph, CONNECTION).to_pylist()}
    assert found == {
        (1, "ill", "wife", "household", date(2020, 2, 18), date(2020, 2, 23)),
        (1, "ill", "mate", "declared", date(2020, 2, 19), date(2020, 2, 21)),
        (2, "mate", "mother", "household", date(2020, 2, 19), date(2020, 2, 24)),
    }


def test_indicators_have_denominators_and_say_what_is_not_known():
    feeds = {
        "cases": """
        person | case_number | reporting_county | classification | onset | reported | confirmed
        known  | c1 | 420106 | confirmed | 2020-02-20 | 2020-02-22 | 2020-02-23
        late   | c2 | 420106 | confirmed | 2020-02-20 | 2020-02-22 | 2020-02-23
        new    | c3 | 420106 | confirmed | 2020-02-20 | 2020-02-22 | 2020-02-23
               | c4 | 420106 | confirmed | 2020-02-20 | 2020-02-22 | 2020-02-23
        old    | c5 | 420106 | confirmed | 2020-01-20 | 2020-01-22 | 2020-02-15
        doubt  | c6 | 420106 | suspected | 2020-02-20 | 2020-02-22 |
        """,
        "contacts": """
        person | contact_number | case_number | last_contact | reported | traced | status
        known  | k1 | c9 | 2020-02-10 | 2020-02-12 09:00 | 2020-02-13 09:00 | became_case
        late   | k2 | c9 | 2020-02-10 | 2020-02-22 09:00 | 2020-02-23 09:01 | lost
        a      | k3 | c9 | 2020-02-14 | 2020-02-16 09:00 |                  | released
        b      | k4 | c9 | 2020-02-15 | 2020-02-28 00:00 |                  | under_observation
        c      | k5 | c9 | 2020-02-20 | 2020-02-29 09:00 |                  |
        """,
    }
    found = engine.rows(screening.indicators(tables(feeds), PROTOCOLS, DAY), CONNECTION)
    assert {r["indicator"]: (r["numerator"], r["denominator"], r["unknown"])
            for r in found.to_pylist()} == {
        "traced_in_24_hours": (1, 4, 0),
        "followed_to_end": (2, 3, 0),
        "lost": (1, 5, 1),
        "cases_known_as_contacts": (1, 4, 1),
    }  # fmt: skip
