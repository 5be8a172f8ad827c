"""A pool run on Spark fills the same archive, which Spark reads as DuckDB does."""

from __future__ import annotations

import io
from datetime import date

import pytest
from pyarrow import csv
from typer.testing import CliRunner

from analytics import cli, engine, study, tables
from analytics.analysis import channel
from analytics.pool import archive, deliveries
from analytics.privacy import keys
from tests.pool_study import DAY, make, when
from tests.spark.dirt import dirty

# feed, seed, hours until it comes, day it is for
COMING = [
    ("tickets", 1, 0, DAY), ("checkpoint_passes", 2, 1, DAY), ("gates", 3, 2, DAY),
    ("tickets", 4, 30, DAY), ("tickets", 1, 40, DAY), ("gates", 5, 50, date(2020, 2, 2)),
]  # fmt: skip
HOME = "WORKBENCH_HOME"


def fill(chosen):
    for place, (feed, seed, hours, day) in enumerate(COMING):
        contract = tables.contract(feed)
        rows = dirty(contract, 800, seed).rows.drop_columns(["_position"])
        sink = io.BytesIO()
        csv.write_csv(rows, sink, csv.WriteOptions(quoting_style="needed"))
        deliveries.drop(chosen, feed, day, sink.getvalue(), delivered=when(hours), part=str(place))


@pytest.fixture(scope="module")
def stores(tmp_path_factory, spark):  # noqa: ARG001 - the command joins the Spark that runs
    """Archives of the same deliveries, made by the two engines."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("stores")
        keys.create(make(patch, folder).name)
        found = {}
        for name in ("duckdb", "spark"):
            patch.setenv(HOME, str(folder / name))
            chosen = study.load("hubei-2020")
            fill(chosen)
            done = CliRunner().invoke(cli.app, ["pool", "--engine", name])
            assert done.exit_code == 0, (name, done.exception, done.output)
            found[name] = chosen.state / "archive"
        yield found


def test_both_engines_end_in_the_same_archive(stores):
    entries = {name: archive.entries(folder) for name, folder in stores.items()}
    dropped = [entry for entry in entries["duckdb"] if entry.department != "published"]
    assert len(dropped) == len(COMING) - 1  # the fifth repeats the first
    assert all(entry.part and entry.quarantined for entry in dropped)
    assert entries["spark"] == entries["duckdb"]
    assert archive.verify(stores["spark"]) == []


@pytest.mark.parametrize("hours", [-1, 29, 60])
def test_what_was_known_is_the_same(stores, spark, duck, hours):
    """Every feed, known or not yet; no tolerance: rows are equal to the last bit."""
    states = [archive.as_of(stores["duckdb"], when(hours), c) for c in (duck, spark)]
    for feed in ("tickets", "checkpoint_passes", "gates", "beds"):
        first, second = (
            engine.rows(state[feed], connection).sort_by("record")
            for state, connection in zip(states, (duck, spark), strict=True)
        )
        assert second.equals(first), feed
        assert bool(first.num_rows) == (hours > 0 and feed != "beds")


@pytest.mark.parametrize("level", ["county", "prefecture", "province"])
def test_flows_are_the_same(stores, spark, duck, level):
    """Counts are whole numbers: no tolerance."""
    counted = []
    for connection in (duck, spark):
        known = archive.as_of(stores["duckdb"], when(60), connection)
        trips = channel.trips_by_ticket(known["tickets"]).union(
            channel.trips_by_pass(known["checkpoint_passes"], known["gates"])
        )
        order = [(name, "ascending") for name in channel.KEY]
        counted.append(engine.rows(channel.flows(trips, level), connection).sort_by(order))
    assert counted[0].num_rows > {"county": 60, "prefecture": 30, "province": 8}[level]
    assert counted[1].equals(counted[0])
