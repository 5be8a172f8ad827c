"""Laws of health codes, on records drawn at random: reasons, replay, order, rules' own times."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import engine, study
from analytics.analysis import health_code
from analytics.analysis.health_code import evidence, history
from analytics.analysis.health_code.facts import COLUMNS

RULES = health_code.rules.read(study.root() / "data" / "hubei-2020" / "health_code.toml")
START = datetime(2020, 3, 5)
FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
KINDS = [
    ("registration", ""), ("screening", "confirmed"), ("screening", "close_contact"),
    ("exposure", "household"), ("residence", "high"), ("residence", "low"), ("travel", "420100"),
    ("travel", "421000"), ("declaration", "fever"), ("declaration_gap", ""), ("test", "positive"),
    ("test", "negative"), ("quarantine", "recovered"), ("recognised", "green"),
    ("recognised", "red"),
]  # fmt: skip
HOURS = st.integers(0, 40 * 24)
FACTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "丙"]), st.sampled_from(KINDS), HOURS,
        st.integers(0, 72), st.none() | st.integers(1, 300), st.none() | st.integers(1, 300),
    ),
    min_size=1,
    max_size=14,
)  # fmt: skip


def drawn(facts) -> pa.Table:
    def after(since: int, hours: int | None) -> datetime | None:
        return None if hours is None else START + timedelta(hours=since + hours)

    columns = [
        [f[0] for f in facts],
        [f[1][0] for f in facts],
        [f[1][1] for f in facts],
        [after(f[2], 0) for f in facts],
        [after(f[2], f[3]) for f in facts],
        [after(f[2], None if f[4] is None else f[3] + f[4]) for f in facts],
        [after(f[2], f[5]) for f in facts],
    ]
    kinds = [pa.string()] * 3 + [pa.timestamp("us")] * 4
    return pa.table(
        dict(
            zip(
                COLUMNS,
                [pa.array(c, k) for c, k in zip(columns, kinds, strict=True)],
                strict=True,
            )
        )
    )


@pytest.fixture(scope="module")
def connection():
    opened = engine.connect(threads=1)
    yield opened
    opened.disconnect()


def told(connection, known: ibis.Table) -> list[dict]:
    changes = history.changes(history.grounds(known, RULES), RULES)
    return engine.rows(changes.order_by("person", "since"), connection).to_pylist()


def code_at(rows, person, moment):
    """Code and rule in force: the row before the next."""
    earlier = [r for r in rows if r["person"] == person and r["since"] <= moment]
    return (earlier[-1]["code"], earlier[-1]["rule"]) if earlier else (None, None)


def by_hand(facts, person, moment):
    """What the rules say, one fact after the other, without any engine."""
    best = None
    for rank, rule in enumerate(RULES.ordered):
        for who, (kind, category), hour, lag, lasts, _ in facts:
            if who != person or kind != rule.evidence:
                continue
            if rule.categories and not category.startswith(rule.categories):
                continue
            since = START + timedelta(hours=hour)
            begins = max(
                since + timedelta(hours=lag), datetime.combine(rule.first, datetime.min.time())
            )
            ends = history.OPEN
            if rule.days is not None:
                ends = since + timedelta(days=rule.days)
            elif lasts is not None:
                ends = since + timedelta(hours=lag + lasts)
            if rule.last is not None:
                ends = min(ends, datetime.combine(rule.last, datetime.min.time()))
            if begins <= moment < ends and best is None:
                best = (str(rule.code), rule.id, rank)
    return (None, None) if best is None else best[:2]


@FEW
@given(facts=FACTS, hours=st.lists(HOURS, min_size=1, max_size=4))
def test_every_code_is_what_the_rules_say_and_has_a_reason(connection, facts, hours):
    rows = told(connection, ibis.memtable(drawn(facts)))
    for row in rows:
        assert (row["code"] is None) == (row["rule"] is None)
        if row["code"] is not None:
            assert RULES.named(row["rule"], row["version"]).code == row["code"]
            assert row["evidence_since"] <= row["since"]
            assert row["changes"] is None or row["changes"] > row["evidence_since"]
    moments = [START + timedelta(hours=hour, minutes=30) for hour in hours]
    moments += [row["since"] for row in rows]
    for person in ("a", "b", "丙"):
        for moment in moments:
            assert code_at(rows, person, moment) == by_hand(facts, person, moment)


@FEW
@given(facts=FACTS, hour=HOURS)
def test_a_past_code_replays_from_what_was_known_then(connection, facts, hour):
    """Nothing told later changes what a person's code was: the archive can be asked again."""
    moment = START + timedelta(hours=hour)
    everything = ibis.memtable(drawn(facts))
    then = evidence.known_by(everything, ibis.literal(moment, "timestamp(6)"))
    now, replayed = told(connection, everything), told(connection, then)
    for person in ("a", "b", "丙"):
        assert code_at(replayed, person, moment) == code_at(now, person, moment)


@FEW
@given(facts=FACTS, seed=st.randoms())
def test_history_does_not_depend_on_the_order_of_records(connection, facts, seed):
    mixed = list(facts)
    seed.shuffle(mixed)
    assert told(connection, ibis.memtable(drawn(mixed))) == told(
        connection, ibis.memtable(drawn(facts))
    )
