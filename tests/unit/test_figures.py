"""Published figures through the archive are the figures read directly."""

from __future__ import annotations  # noqa: I001

from datetime import date, datetime

import pandas as pd
import pytest

from analytics import engine, study
from analytics.pool import archive, figures, pooling, published

from tests import pool_study


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        chosen = pool_study.make(patch, tmp_path_factory.mktemp("state"))
        staged = figures.stage(chosen)
        outcome = pooling.run(chosen)
        assert len(outcome.added) == staged
        assert not [entry for entry in outcome.added if entry.quarantined or entry.refused]
        assert figures.stage(chosen) == 0
        yield chosen


def test_counts_are_those_read_directly(pooled):
    connection = engine.connect()
    at = datetime(2021, 1, 1, tzinfo=study.ZONE)
    ours = figures.counts(figures.record(pooled, at, connection), connection)
    direct = published.read(pooled).counts
    direct = direct.dropna(subset=list(figures.MEASURES), how="all").reset_index(drop=True)
    direct["date"] = pd.to_datetime(direct["date"])
    pd.testing.assert_frame_equal(
        ours.astype({"date": "datetime64[ns]", "adcode": "str"}),
        direct[list(ours.columns)].astype({"date": "datetime64[ns]", "adcode": "str"}),
    )


def test_nothing_is_known_before_its_day_ends(pooled):
    connection = engine.connect()
    known = archive.as_of(pooled.state / "archive", study.moment(date(2020, 2, 29)), connection)
    counts = figures.counts(known, connection)
    assert counts["date"].max() == pd.Timestamp("2020-02-29")
    total = counts.loc[counts["date"] == counts["date"].max(), "confirmed"].sum()
    assert total == 66907


def test_grades_are_those_read_directly(pooled):
    connection = engine.connect()
    at = datetime(2021, 1, 1, tzinfo=study.ZONE)
    ours = figures.grades(figures.record(pooled, at, connection), connection)
    direct = pd.read_csv(pooled.folder / "official_grades.csv", dtype="str")
    assert set(
        zip(
            ours["as_of"].dt.strftime("%Y-%m-%d"),
            ours["unit"],
            ours["adcode"],
            ours["grade"],
            strict=True,
        )
    ) == set(zip(direct["as_of"], direct["unit"], direct["adcode"], direct["grade"], strict=True))
