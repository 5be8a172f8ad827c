"""Screening by the protocols of the day: behaviour in drawn tables."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.drawn import linked

from analytics import engine
from analytics.analysis import screening
from analytics.errors import ParameterError

PROTOCOLS = screening.load()
DAY = date(2020, 2, 29)
CONNECTION = engine.connect(threads=1)


def screened(feeds: dict[str, str], as_of: date = DAY) -> dict[str, tuple[str, str | None]]:
    """Category and deciding rule of everybody."""
    given = {feed: linked(feed, text) for feed, text in feeds.items()}
    found = screening.screen(given, PROTOCOLS, as_of)
    rows = engine.rows(found.persons, CONNECTION).to_pylist()
    assert len({row["person"] for row in rows}) == len(rows)
    return {row["person"]: (row["category"], row["rule"]) for row in rows}


def traced(feeds: dict[str, str], as_of: date = DAY) -> list[dict[str, object]]:
    given = {feed: linked(feed, text) for feed, text in feeds.items()}
    return engine.rows(screening.screen(given, PROTOCOLS, as_of).trace, CONNECTION).to_pylist()


def undecided(feeds: dict[str, str], as_of: date = DAY) -> set[str]:
    given = {feed: linked(feed, text) for feed, text in feeds.items()}
    rows = engine.rows(screening.screen(given, PROTOCOLS, as_of).persons, CONNECTION).to_pylist()
    return {row["person"] for row in rows if row["undecided"]}


CASES = """
person | case_number | reporting_county | classification | onset | reported | confirmed | outcome \
| outcome_date
ill    | c1 | 420106 | confirmed    | 2020-02-20 | 2020-02-22 | 2020-02-23 |           |
doubt  | c2 | 420106 | suspected    | 2020-02-20 | 2020-02-22 |            |           |
clear  | c3 | 420106 | asymptomatic |            | 2020-02-22 |            |           |
gone   | c4 | 420106 | confirmed    | 2020-02-01 | 2020-02-03 | 2020-02-04 | died      | 2020-02-20
well   | c5 | 420106 | confirmed    | 2020-02-01 | 2020-02-03 | 2020-02-04 | recovered | 2020-02-20
free   | c6 | 420106 | excluded     | 2020-02-20 | 2020-02-22 |            |           |
later  | c7 | 420106 | confirmed    | 2020-02-27 | 2020-03-01 | 2020-03-01 |           |
"""


def test_each_class_and_outcome_is_its_category_and_a_later_report_is_not_known():
    assert screened({"cases": CASES}) == {
        "ill": ("confirmed", "class_confirmed"),
        "doubt": ("suspected", "class_suspected"),
        "clear": ("asymptomatic", "class_asymptomatic"),
        "gone": ("dead", "outcome_died"),
        "well": ("recovered", "outcome_recovered"),
        "free": ("none", None),
        "later": ("none", None),
    }


CLINICAL = """
person | case_number | reporting_county | classification | onset | reported
here   | c1 | 420106 | clinical | 2020-02-06 | 2020-02-08
there  | c2 | 440106 | clinical | 2020-02-06 | 2020-02-08
"""


@pytest.mark.parametrize(
    ("day", "here"),
    [
        pytest.param(date(2020, 2, 11), "suspected", id="not yet counted"),
        pytest.param(date(2020, 2, 12), "confirmed", id="first day counted"),
        pytest.param(date(2020, 2, 18), "confirmed", id="last day counted"),
        pytest.param(date(2020, 2, 19), "suspected", id="the sixth edition drops it"),
    ],
)
def test_clinical_diagnosis_counts_in_hubei_from_12_to_18_february_only(day, here):
    """Notice of 13 February 2020; sixth edition, 19 February 2020."""
    found = screened({"cases": CLINICAL}, day)
    assert (found["here"][0], found["there"][0]) == (here, "suspected")


VISIT = "person | visit_number | visited | county | onset | temperature | respiratory | imaging | lymphocytes_low | exposure | diagnosis"  # noqa: E501


def visit(
    county: str, features: str, day: str = "2020-02-16", diagnosis: str = "", who: str = "someone"
) -> str:
    """One visit; features are f(ever) i(maging) l(ymphocytes) e(xposure), capital for absent."""
    cell = {letter: "yes" for letter in features if letter.islower()}
    cell |= {letter.lower(): "no" for letter in features if letter.isupper()}
    heat = {"yes": "38.2", "no": "36.6"}.get(cell.get("f", ""), "")
    respiratory = "no" if cell.get("f") == "no" else ""
    row = [
        who, f"v-{who}", f"{day} 10:00", county, day, heat, respiratory,
        *(cell.get(letter, "") for letter in "ile"), diagnosis,
    ]  # fmt: skip
    return " | ".join(row)


def visits(*rows: str) -> dict[str, str]:
    return {"fever_visits": "\n".join([VISIT, *rows])}


PICTURES = {
    date(2020, 2, 16): [
        ("440106", "file", "suspected", "picture_exposed"),
        ("440106", "fie", "suspected", "picture_exposed"),
        ("440106", "fil", "suspected", "picture_unexposed"),
        ("440106", "fl", "fever", "fever_at_clinic"),
        ("420106", "fl", "suspected", "picture_hubei"),
        ("420106", "fli", "confirmed", "picture_clinical"),
        ("420106", "FILE", "none", None),
    ],
    date(2020, 2, 19): [
        ("420106", "fli", "suspected", "picture_unexposed"),
        ("420106", "fl", "fever", "fever_at_clinic"),
    ],
}


@pytest.mark.parametrize("day", PICTURES, ids=str)
def test_clinical_picture_is_judged_by_the_edition_of_the_day_and_place(day):
    rows = [visit(county, features, who=f"{county} {features}")
            for county, features, *_ in PICTURES[day]]  # fmt: skip
    expected = {f"{county} {features}": tuple(found) for county, features, *found in PICTURES[day]}
    assert screened(visits(*rows), day) == expected


def test_unknown_feature_leaves_the_rule_open_and_a_known_absence_decides_it():
    feeds = visits(visit("440106", "fe", who="open"), visit("440106", "feIL", who="shut"))
    assert undecided(feeds) == {"open"}
    assert screened(feeds) == {
        "open": ("fever", "fever_at_clinic"),
        "shut": ("fever", "fever_at_clinic"),
    }


TESTS = """
person  | test_number | method | sampled | resulted | result
someone | t1 | nucleic_acid | 2020-02-17 08:00 | 2020-02-17 20:00 | negative
someone | t2 | nucleic_acid | {second} | 2020-02-18 20:00 | {result}
"""

TESTED = [
    pytest.param("file", "08:00", "negative", "suspected", id="picture matches"),
    pytest.param("fiLE", "08:00", "negative", "none", id="picture known not to match"),
    pytest.param("fLE", "08:00", "negative", "none", id="can no longer match"),
    pytest.param("fe", "08:00", "negative", "suspected", id="picture unknown"),
    pytest.param("fIlE", "07:59", "negative", "suspected", id="a minute too near"),
    pytest.param("fIlE", "08:00", "positive", "confirmed", id="second is positive"),
    pytest.param("fIlE", "08:00", "indeterminate", "suspected", id="not clear"),
]


def test_two_negative_tests_exclude_unless_the_picture_matches_or_is_unknown():
    """Wuhan epidemic command, order of 2 February 2020 on the four types."""
    header = "person | test_number | method | sampled | resulted | result"
    rows, sick, expected = [header], [], {}
    for each in TESTED:
        features, clock, result, category = each.values
        who = str(each.id)
        sick.append(visit("440106", str(features), diagnosis="suspected", who=who))
        rows += [
            f"{who} | 1 {who} | nucleic_acid | 2020-02-17 08:00 | 2020-02-17 20:00 | negative",
            f"{who} | 2 {who} | nucleic_acid | 2020-02-18 {clock} | 2020-02-18 20:00 | {result}",
        ]
        expected[who] = category
    found = screened({**visits(*sick), "tests": "\n".join(rows)})
    assert {who: category for who, (category, _) in found.items()} == expected


def test_double_negative_with_a_picture_says_so_in_the_trace():
    feeds = visits(visit("440106", "file", diagnosis="suspected"))
    feeds |= {"tests": TESTS.format(second="2020-02-18 08:00", result="negative")}
    rules = {(row["rule"], row["record"]) for row in traced(feeds)}
    assert ("double_negative_with_picture", "t2") in rules


def test_negative_tests_before_the_illness_exclude_nothing():
    feeds = visits(visit("440106", "fiLE", day="2020-02-20", diagnosis="suspected"))
    feeds |= {"tests": TESTS.format(second="2020-02-18 08:00", result="negative")}
    assert screened(feeds)["someone"] == ("suspected", "doctor_suspected")


def test_a_positive_test_without_symptoms_needs_symptoms_known_to_be_absent():
    expected = {
        "FILE": ("asymptomatic", "test_positive_without_symptoms"),
        "E": ("confirmed", "test_positive"),
        "f": ("confirmed", "test_positive"),
        "Fi": ("confirmed", "test_positive"),
    }
    header = "person | test_number | method | sampled | resulted | result"
    rows = [f"{who} | t{who} | nucleic_acid | 2020-02-17 08:00 | 2020-02-17 20:00 | positive"
            for who in expected]  # fmt: skip
    feeds = visits(*(visit("440106", who, who=who) for who in expected))
    assert screened({**feeds, "tests": "\n".join([header, *rows])}) == expected


def test_a_pending_test_is_not_known_and_antibodies_confirm_under_the_seventh_edition_only():
    feeds = {
        "tests": """
        person  | test_number | method | sampled | resulted | result
        pending | t1 | nucleic_acid | 2020-02-27 08:00 | 2020-03-01 00:00 | positive
        both    | t2 | igm | 2020-02-27 08:00 | 2020-02-27 20:00 | positive
        both    | t3 | igg | 2020-02-27 08:00 | 2020-02-27 20:00 | positive
        one     | t4 | igm | 2020-02-27 08:00 | 2020-02-27 20:00 | positive
        """
    }
    assert {who: found[0] for who, found in screened(feeds).items()} == {
        "pending": "none", "both": "none", "one": "none",
    }  # fmt: skip
    later = screened(feeds, date(2020, 3, 4))
    assert {who: found[0] for who, found in later.items()} == {
        "pending": "confirmed", "both": "confirmed", "one": "none",
    }  # fmt: skip


def test_positive_after_recovery_is_confirmed_again():
    feeds = {
        "cases": CASES,
        "tests": """
        person | test_number | method | sampled | resulted | result
        well | t1 | nucleic_acid | 2020-02-20 08:00 | 2020-02-20 20:00 | positive
        """,
    }
    assert screened(feeds)["well"][0] == "recovered"
    feeds["tests"] = feeds["tests"].replace("2020-02-20", "2020-02-21")
    assert screened(feeds)["well"] == ("confirmed", "test_positive")


def test_fever_is_managed_for_a_fortnight_or_until_a_doctor_excludes_it():
    feeds = {
        "declarations": """
        person | declaration_number | declared | temperature | fever
        today  | d1 | 2020-02-29 08:00 | 36.5 | yes
        hot    | d2 | 2020-02-16 00:00 | 37.3 |
        old    | d3 | 2020-02-15 23:59 | 38.0 | yes
        cool   | d4 | 2020-02-29 08:00 | 37.2 | no
        seen   | d5 | 2020-02-27 08:00 | 38.0 | yes
        """,
        "fever_visits": f"""{VISIT}
        seen | v1 | 2020-02-27 12:00 | 420106 | 2020-02-27 | 37.9 | no | no | no | no | excluded
        """,
        "checkpoint_passes": """
        person | pass_number | passed | temperature
        gate   | p1 | 2020-02-28 09:00 | 37.5
        """,
    }
    assert {who: found[1] for who, found in screened(feeds).items()} == {
        "today": "fever_declared", "hot": "fever_declared", "old": None, "cool": None,
        "seen": None, "gate": "fever_at_checkpoint",
    }  # fmt: skip


MET = "person | contact_number | case_number | first_contact | last_contact | reported | status"


def contact(
    last: str, case: str = "c1", status: str = "under_observation", who: str = "met"
) -> str:
    return f"{who} | k-{who} | {case} | {last} | {last} | 2020-02-12 09:00 | {status}"


def contacts(*rows: str) -> dict[str, str]:
    return {"contacts": "\n".join([MET, *rows])}


@pytest.mark.parametrize(("day", "first"), [(20, 9), (21, 7)])
def test_contacts_count_from_onset_and_from_the_fifth_edition_two_days_before(day, first):
    """Health News, 24 February 2020: in force from 21 February."""
    case = """
    person | case_number | reporting_county | classification | onset | reported
    ill | c1 | 420106 | confirmed | 2020-02-09 | 2020-02-10
    """
    rows = [contact(f"2020-02-{met:02}", who=f"{met}") for met in range(6, 12)]
    found = screened({"cases": case, **contacts(*rows)}, date(2020, 2, day))
    managed = {int(who) for who, (category, _) in found.items() if category == "close_contact"}
    assert managed == set(range(first, 12))


@pytest.mark.parametrize(("days", "expected"), [(14, "close_contact"), (15, "none")])
def test_contacts_are_observed_for_fourteen_days(days, expected):
    last = date(2020, 2, 22)
    feeds = {"cases": CASES, **contacts(contact(last.isoformat()))}
    assert screened(feeds, last + timedelta(days=days))["met"][0] == expected


def test_contacts_of_an_excluded_case_and_released_ones_are_no_longer_managed():
    rows = [
        contact("2020-02-22", "c6", who="of the excluded"),
        contact("2020-02-22", status="released", who="released"),
        contact("2020-02-22", status="lost", who="lost"),
        contact("2020-02-22", "c99", who="of nobody known"),
    ]
    feeds = {"cases": CASES, **contacts(*rows)}
    found = screened(feeds)
    assert found["lost"] == ("close_contact", "contact_declared")
    others = [found[who] for who in ("of the excluded", "released", "of nobody known")]
    assert others == [("none", None)] * 3
    assert undecided(feeds) == {"of nobody known"}


def test_a_case_nobody_is_linked_to_still_has_contacts():
    feeds = {"cases": CASES.replace("ill ", "    "), **contacts(contact("2020-02-22"))}
    assert screened(feeds)["met"] == ("close_contact", "contact_declared")


HOMES = """
person | county | household
ill    | 420106 | h1
wife   | 420106 | h1
cousin | 420107 | h1
other  | 420106 | h2
free   | 420106 | h2
"""


def test_the_household_of_a_case_is_in_contact_within_its_county_and_only_of_a_case():
    found = screened({"cases": CASES, "resident_register": HOMES})
    assert found["wife"] == ("close_contact", "contact_household")
    assert (found["cousin"][0], found["other"][0]) == ("none", "none")


@pytest.mark.parametrize(
    ("listed", "counties"),
    [
        ("person\nill\nwife\nstranger", {"ill": "420106", "wife": "420106", "stranger": None}),
        (
            "person | county\nill | 440106\nwife |\nstranger | 440106",
            {"ill": "440106", "wife": None, "stranger": "440106"},
        ),
    ],
)
def test_who_is_listed_gets_a_row_and_nobody_else(listed, counties):
    given = {
        "cases": linked("cases", CASES),
        "resident_register": linked("resident_register", HOMES),
    }
    everybody = linked("resident_register", listed)
    found = screening.screen(given, PROTOCOLS, DAY, everybody)
    rows = engine.rows(found.persons, CONNECTION).to_pylist()
    assert {row["person"]: row["county"] for row in rows} == counties
    assert {row["person"]: row["rule"] for row in rows} == {
        "ill": "class_confirmed", "wife": "contact_household", "stranger": None,
    }  # fmt: skip
    assert [row["undecided"] for row in rows] == [False] * 3


def test_withdrawing_a_link_takes_back_everybody_it_touched():
    feeds = {"cases": CASES, "resident_register": HOMES}
    cut = {**feeds, "cases": CASES.replace("ill ", "    ")}
    before, after = screened(feeds), screened(cut)
    changed = {who for who in before if before[who] != after.get(who)}
    assert changed == {"ill", "wife"}
    assert (after["ill"], after["wife"]) == (("none", None), ("none", None))


def test_a_number_shared_by_a_crowd_is_no_household():
    crowd = "\n".join(f"p{number} | 420106 | h1" for number in range(30))
    found = screened({"cases": CASES, "resident_register": HOMES + crowd})
    assert found["wife"] == ("none", None)


def test_rooms_are_shared_on_days_of_both_stays_within_the_days_of_the_case():
    feeds = {
        "cases": CASES,
        "placements": """
        person | placement_number | site | room_type | room | check_in | check_out
        ill    | a1 | s1 | male | 101 | 2020-02-10 | 2020-02-22
        mate   | a2 | s1 | male | 101 | 2020-02-22 |
        before | a3 | s1 | male | 101 | 2020-02-10 | 2020-02-17
        first  | a4 | s1 | male | 101 | 2020-02-10 | 2020-02-18
        after  | a5 | s1 | male | 101 | 2020-02-23 |
        next   | a6 | s1 | male | 102 | 2020-02-10 |
        nobody | a7 | s1 | male |     | 2020-02-10 |
        """,
    }
    met = {who for who, found in screened(feeds).items() if found[1] == "contact_room"}
    assert met == {"mate", "first"}


def test_known_contact_counts_as_exposure_in_the_picture():
    feeds = {
        "cases": CASES.replace("ill ", "case"),
        **contacts(contact("2020-02-20", who="someone")),
        **visits(visit("440106", "fi", day="2020-02-24")),
    }
    assert screened(feeds)["someone"] == ("suspected", "picture_exposed")


def test_no_decision_without_its_trace_and_no_trace_without_its_person():
    feeds = {
        "cases": CASES, "resident_register": HOMES, **contacts(contact("2020-02-22")),
        **visits(visit("420106", "fl")),
    }  # fmt: skip
    found = screened(feeds)
    held = {(row["person"], row["category"], row["rule"]) for row in traced(feeds) if row["holds"]}
    decided = {(who, *what) for who, what in found.items() if what[0] != "none"}
    assert decided <= held
    assert {who for who, *_ in held} == {who for who, *_ in decided}


def test_before_the_first_protocol_screening_is_refused():
    with pytest.raises(ParameterError, match="no diagnosis rule was in force on 2020-01-01"):
        screened({"cases": CASES}, date(2020, 1, 1))
