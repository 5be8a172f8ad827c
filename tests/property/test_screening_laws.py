"""Laws of screening, on drawn provinces of a few people."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.drawn import KINDS

from analytics import engine, tables
from analytics.analysis import screening

DAY = date(2020, 2, 15)  # clinical diagnosis counts in Hubei
PEOPLE = ["p1", "p2", "p3", "p4"]
FEEDS = {
    "cases": (
        "case_number", "reporting_county", "classification", "onset", "reported", "confirmed",
        "outcome", "outcome_date",
    ),
    "fever_visits": (
        "visit_number", "visited", "county", "onset", "temperature", "respiratory", "imaging",
        "lymphocytes_low", "exposure", "diagnosis",
    ),
    "tests": ("test_number", "method", "sampled", "resulted", "result"),
    "contacts": (
        "contact_number", "case_number", "first_contact", "last_contact", "reported", "status",
    ),
    "resident_register": ("county", "household"),
    "declarations": ("declaration_number", "declared", "temperature", "fever", "respiratory",
                     "contact", "travel"),
}  # fmt: skip
RANK = {category: place for place, category in enumerate(screening.CATEGORIES)}


class Province:
    """One compiled screening, to be run on other rows again and again."""

    def __init__(self) -> None:
        self.connection = engine.connect(threads=1)
        self.schemas = {}
        for feed, columns in FEEDS.items():
            contract = tables.contract(feed)
            fields = [(c, KINDS.get(contract[c].kind, (pa.string(), str))[0]) for c in columns]
            self.schemas[feed] = pa.schema([("person", pa.string()), *fields])
            self.connection.create_table(feed, schema=None, obj=self.schemas[feed].empty_table())
        linked = {feed: self.connection.table(feed) for feed in FEEDS}
        found = screening.screen(linked, screening.load(), DAY)
        wanted = {"persons": found.persons, "trace": found.trace}
        self.sql = {name: engine.compiled(table) for name, table in wanted.items()}

    def run(self, rows: dict[str, list[dict[str, Any]]], what: str = "persons") -> list[Any]:
        con = self.connection.con
        for feed, schema in self.schemas.items():
            con.register("given", pa.Table.from_pylist(rows.get(feed, []), schema))
            con.execute(f"DELETE FROM {feed}")
            con.execute(f"INSERT INTO {feed} SELECT * FROM given")
            con.unregister("given")
        return con.execute(self.sql[what]).to_arrow_table().to_pylist()


PROVINCE = Province()


def categories(rows: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    found = PROVINCE.run(rows)
    assert len({row["person"] for row in found}) == len(found)
    return {row["person"]: row["category"] for row in found}


days = st.integers(-20, 0).map(lambda back: DAY + timedelta(days=back))
moments = st.tuples(days, st.integers(0, 23)).map(
    lambda at: datetime(at[0].year, at[0].month, at[0].day, at[1])
)
answers = st.sampled_from([True, False, None])
people = st.sampled_from([*PEOPLE, None])
counties = st.sampled_from(["420106", "440106"])


def numbered(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    return [{**row, column: f"{column}{place}"} for place, row in enumerate(rows)]


cases = st.lists(st.fixed_dictionaries({
    "person": people, "reporting_county": counties, "onset": days | st.none(), "reported": days,
    "confirmed": st.none(), "outcome": st.sampled_from([None, None, "recovered", "died"]),
    "outcome_date": days | st.none(),
    "classification": st.sampled_from(
        ["confirmed", "clinical", "suspected", "asymptomatic", "excluded"]),
}), max_size=3).map(lambda rows: numbered(rows, "case_number"))  # fmt: skip
visits = st.lists(st.fixed_dictionaries({
    "person": people, "county": counties, "visited": moments, "onset": days | st.none(),
    "temperature": st.sampled_from([36.5, 38.5, None]), "respiratory": answers,
    "imaging": answers, "lymphocytes_low": answers, "exposure": answers,
    "diagnosis": st.sampled_from([None, "excluded", "fever", "suspected", "clinical", "confirmed"]),
}), max_size=4).map(lambda rows: numbered(rows, "visit_number"))  # fmt: skip
tests = st.lists(st.fixed_dictionaries({
    "person": people, "method": st.just("nucleic_acid"), "sampled": moments,
    "resulted": st.just(datetime(2020, 2, 15, 23)),
    "result": st.sampled_from(["negative", "negative", "positive", "indeterminate"]),
}), max_size=5).map(lambda rows: numbered(rows, "test_number"))  # fmt: skip
contacts = st.lists(st.fixed_dictionaries({
    "person": people, "case_number": st.sampled_from(["case_number0", "case_number1", "other"]),
    "first_contact": st.none(), "last_contact": days, "reported": moments,
    "status": st.sampled_from([None, "under_observation", "lost", "released"]),
}), max_size=3).map(lambda rows: numbered(rows, "contact_number"))  # fmt: skip
declarations = st.lists(st.fixed_dictionaries({
    "person": people, "declared": moments, "temperature": st.sampled_from([36.5, 37.5, None]),
    "fever": answers, "respiratory": answers, "contact": answers, "travel": answers,
}), max_size=3).map(lambda rows: numbered(rows, "declaration_number"))  # fmt: skip
homes = st.lists(st.sampled_from(["h1", "h2"]), min_size=4, max_size=4).map(
    lambda keys: [{"person": p, "county": "420106", "household": k}
                  for p, k in zip(PEOPLE, keys, strict=True)]
)  # fmt: skip
village = st.fixed_dictionaries({
    "cases": cases, "fever_visits": visits, "tests": tests, "contacts": contacts,
    "declarations": declarations, "resident_register": homes,
})  # fmt: skip
OWN = ("person", "case_number", "visit_number", "test_number", "contact_number",
       "declaration_number", "household")  # fmt: skip


def side_by_side(villages: list[dict[str, list[dict[str, Any]]]]) -> dict[str, list[Any]]:
    """Villages as one province: their people and numbers are strangers to each other's."""
    rows: dict[str, list[Any]] = {feed: [] for feed in FEEDS}
    for place, each in enumerate(villages):
        for feed, own in each.items():
            for row in own:
                named = {c: f"{place} {row[c]}" for c in OWN if row.get(c) is not None}
                rows[feed].append({**row, **named})
    return rows


provinces = st.lists(village, min_size=8, max_size=8).map(side_by_side)
EVERYBODY = [f"{place} {who}" for place in range(8) for who in PEOPLE]
law = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))


@given(provinces)
@law
def test_everybody_is_in_exactly_one_category_and_each_decision_has_its_trace(rows):
    found = categories(rows)
    assert set(found) == set(EVERYBODY)
    best = dict.fromkeys(EVERYBODY, "none")
    for match in PROVINCE.run(rows, "trace"):
        if match["holds"] and RANK[match["category"]] < RANK[best[match["person"]]]:
            best[match["person"]] = match["category"]
    assert found == best


@given(provinces, st.randoms(use_true_random=False))
@law
def test_the_order_of_rows_changes_nothing(rows, random):
    mixed = {feed: random.sample(given_, len(given_)) for feed, given_ in rows.items()}
    key = lambda row: row["person"]  # noqa: E731
    assert sorted(PROVINCE.run(mixed), key=key) == sorted(PROVINCE.run(rows), key=key)


NEGATIVE = [
    ("fever_visits", "respiratory", False), ("fever_visits", "imaging", False),
    ("fever_visits", "lymphocytes_low", False), ("fever_visits", "exposure", False),
    ("fever_visits", "temperature", 36.5), ("fever_visits", "diagnosis", "excluded"),
    ("tests", "result", "negative"), ("declarations", "fever", False),
    ("declarations", "respiratory", False), ("declarations", "temperature", 36.5),
    ("contacts", "status", "released"),
]  # fmt: skip


@given(provinces, st.sampled_from(NEGATIVE))
@law
def test_not_knowing_what_was_negative_never_lowers_anybody(rows, forgotten):
    feed, column, value = forgotten
    unknown = [{**row, column: None} if row[column] == value else row for row in rows[feed]]
    before, after = categories(rows), categories({**rows, feed: unknown})
    assert all(RANK[after[who]] <= RANK[before[who]] for who in EVERYBODY)


POSITIVE: dict[str, dict[str, Any]] = {
    "cases": {"case_number": "new", "reporting_county": "420106", "classification": "suspected",
              "onset": None, "reported": DAY - timedelta(days=3)},
    "fever_visits": {"visit_number": "new", "county": "440106", "visited": datetime(2020, 2, 12, 9),
                     "temperature": 38.5, "imaging": True, "exposure": True},
    "tests": {"test_number": "new", "method": "nucleic_acid", "result": "positive",
              "sampled": datetime(2020, 2, 13, 9), "resulted": datetime(2020, 2, 13, 20)},
    "contacts": {"contact_number": "new", "case_number": "case_number0", "last_contact": DAY,
                 "reported": datetime(2020, 2, 15, 9), "status": "under_observation"},
    "declarations": {"declaration_number": "new", "declared": datetime(2020, 2, 14, 9),
                     "fever": True, "contact": True},
}  # fmt: skip


@given(provinces, st.sampled_from(sorted(POSITIVE)), days)
@law
def test_more_positive_evidence_never_lowers_anybody(rows, feed, onset):
    more = []
    for place in range(8):  # the first of each village
        named = {c: f"{place} {POSITIVE[feed][c]}" for c in OWN if c in POSITIVE[feed]}
        new = {**POSITIVE[feed], **named, "person": f"{place} p1"}
        if "onset" in FEEDS[feed]:
            new["onset"] = min(onset, DAY - timedelta(days=3))
        more.append(new)
    before, after = categories(rows), categories({**rows, feed: [*rows[feed], *more]})
    assert all(RANK[after[person]] <= RANK[before[person]] for person in EVERYBODY)


@given(provinces, st.sampled_from(["fever_visits", "tests", "contacts", "declarations"]))
@law
def test_an_unlinked_record_is_as_if_it_had_never_come(rows, feed):
    unlinked = [{**row, "person": None} if place % 2 else row
                for place, row in enumerate(rows[feed])]  # fmt: skip
    without = categories({**rows, feed: rows[feed][::2]})
    assert categories({**rows, feed: unlinked}) == without
