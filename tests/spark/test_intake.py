"""Spark accepts the rows DuckDB accepts, and refuses the others for the same reasons."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from analytics import study, tables
from analytics.pool import intake, regions
from tests.spark.dirt import dirty

DAY = date(2020, 3, 1)
FEEDS = ["cases", "checkpoint_passes", "hotline", "tickets", "tests"]


@pytest.fixture(scope="module")
def places():
    return regions.places(study.load("hubei-2020"))


@pytest.mark.parametrize(("feed", "seed"), [(feed, seed) for seed, feed in enumerate(FEEDS)])
def test_same_rows_same_reasons(spark, places, feed, seed):
    contract = tables.contract(feed)
    reading = dirty(contract, 3000, seed)
    with duckdb.connect() as connection:
        expected = intake.take(connection, reading, contract, places, DAY)
        ours = intake.take(connection, reading, contract, places, DAY, spark)
    assert min(expected.accepted.num_rows, expected.quarantined, expected.duplicates) > 0
    assert ours.rejected.equals(expected.rejected)
    assert (ours.quarantined, ours.duplicates) == (expected.quarantined, expected.duplicates)
    assert ours.accepted.sort_by("_position").equals(expected.accepted.sort_by("_position"))
