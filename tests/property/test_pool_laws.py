"""Laws of the pool: nothing is lost, and how files come changes nothing."""

from __future__ import annotations  # noqa: I001

import contextlib
import os
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import engine, study
from analytics.pool import archive, deliveries, pooling, versions

from tests import pool_study
from tests.pool_study import DAY, Row, content, when

ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(["A", "B", "C", ""]),
        st.sampled_from(["2020-01-30", "2020-01-31", "03/04/2020"]),
        st.sampled_from(["1", "2", "3", "-1", "x"]),
    ),
    max_size=5,
)
# rows, day they are for, hours until they come
FILES = st.lists(st.tuples(ROWS, st.integers(0, 2), st.integers(0, 40)), min_size=1, max_size=3)
FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@contextlib.contextmanager
def empty_study():
    before = os.environ.get("WORKBENCH_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_HOME"] = folder
        try:
            yield study.load("hubei-2020")
        finally:
            os.environ.pop("WORKBENCH_HOME")
            if before is not None:
                os.environ["WORKBENCH_HOME"] = before


def dropped(chosen, files):
    for place, (rows, day, hours) in enumerate(files):
        deliveries.drop(
            chosen,
            "beds",
            DAY + timedelta(day),
            content(rows),
            delivered=when(hours),
            part=str(place),
        )


def known(chosen, hours):
    connection = engine.connect()
    try:
        state = archive.as_of(chosen.state / "archive", when(hours), connection)["beds"]
        rows = connection.execute(state).sort_values("record").to_csv(index=False)
    finally:
        connection.disconnect()
    return rows


@FEW
@given(FILES)
def test_rows_in_are_accepted_quarantined_or_duplicates(files):
    with empty_study() as chosen:
        dropped(chosen, files)
        outcome = pooling.run(chosen)
        told = {(e.file, e.date): e.accepted + e.quarantined + e.duplicates for e in outcome.added}
        for place, (rows, day, _) in enumerate(files):
            lines = sum(1 for row in rows)
            if (f"beds.{place}.csv", DAY + timedelta(day)) in told:
                assert told[f"beds.{place}.csv", DAY + timedelta(day)] == lines


@FEW
@given(FILES, st.randoms(use_true_random=False), st.integers(0, 41))
def test_order_splitting_and_repetition_change_nothing(files, random, hours):
    with empty_study() as chosen:
        dropped(chosen, files)
        pooling.run(chosen)
        expected = known(chosen, hours)
    pieces = [([row], day, hour) for rows, day, hour in files for row in rows]
    pieces += [(rows, day, hour + random.randrange(30)) for rows, day, hour in files]
    random.shuffle(pieces)
    with empty_study() as chosen:
        for place, piece in enumerate(pieces):
            rows, day, hour = piece
            deliveries.drop(
                chosen,
                "beds",
                DAY + timedelta(day),
                content(rows),
                delivered=when(hour),
                part=str(place),
            )
            if random.random() < 0.15:
                pooling.run(chosen)
        pooling.run(chosen)
        assert known(chosen, hours) == expected


@FEW
@given(FILES, ROWS)
def test_a_later_delivery_leaves_the_past_alone(files, later):
    with empty_study() as chosen:
        dropped(chosen, files)
        pooling.run(chosen)
        before = known(chosen, 41)
        deliveries.drop(chosen, "beds", date(2020, 2, 9), content(later), delivered=when(42))
        pooling.run(chosen)
        assert known(chosen, 41) == before


def test_files_stay_private(tmp_path, monkeypatch):
    chosen = pool_study.make(monkeypatch, tmp_path)
    deliveries.drop(chosen, "beds", DAY, content([Row("A", "2020-01-30", "1")]), delivered=when(0))
    pooling.run(chosen)
    folders = [p for p in Path(chosen.state).rglob("*") if p.is_dir()]
    assert folders
    assert all(
        p.stat().st_mode & 0o077 == 0 for p in folders if p.parent == chosen.state / "archive"
    )


@FEW
@given(FILES)
def test_versions_say_for_each_evening_what_was_known(files):
    """Rows that stood on an evening are those known then, whatever came late or anew."""
    with empty_study() as chosen:
        dropped(chosen, files)
        pooling.run(chosen)
        last = study.moment(DAY + timedelta(3))
        connection = engine.connect()
        try:
            told = versions.history(chosen.state / "archive", last, connection, "beds")
            stood = connection.execute(told)
            for days in range(3):
                evening = DAY + timedelta(days)
                state = archive.as_of(chosen.state / "archive", study.moment(evening), connection)
                then = connection.execute(state["beds"]).sort_values("record")
                at = pd.Timestamp(evening)
                since, until = pd.to_datetime(stood["since"]), pd.to_datetime(stood["until"])
                rows = stood[(since <= at) & ~(until <= at)].sort_values("record")
                assert rows[then.columns].to_csv(index=False) == then.to_csv(index=False)
        finally:
            connection.disconnect()
