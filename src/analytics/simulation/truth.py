"""
Ground truth: who is who, who was infected by whom, and which delivery went wrong how.

It lies in the study's state under ``truth`` (mode 0700). Only the simulation and proofs that
score an analysis from outside may read it; a test keeps every floor below from naming it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analytics import tables
from analytics.simulation import names
from analytics.simulation.travel import NEVER
from analytics.simulation.world import date_text, homes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analytics.simulation.epidemic import Epidemic
    from analytics.simulation.world import Rows, World
    from analytics.study import Study

FOLDER = "truth"


def folder(study: Study) -> Path:
    """Folder of the ground truth; made on first use, mode 0700."""
    path = study.state / FOLDER
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    return path


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        pq.write_table(table, stream, compression="zstd")


def write_world(study: Study, world: World) -> None:
    """Write persons, infections, trips and transmission."""
    place, people = folder(study), world.people
    _write(place / "persons.parquet", people.identity.append_column(
        "person", pa.array(np.arange(people.size))).append_column(
        "resident", pa.array(np.arange(people.size) < people.residents)).append_column(
        "county", names.words(people.places.counties, people.county)).append_column(
        "registered_county", homes(world, people.registered)))  # fmt: skip
    _write(place / "infections.parquet", infections(world, world.epidemic))
    trips = world.epidemic.trips
    _write(place / "trips.parquet", pa.table({
        "person": trips.person,
        "date": date_text(world, trips.day),
        "destination": names.words(world.routes.codes, trips.destination),
        "returned": date_text(world, trips.back, trips.back < NEVER),
    }))  # fmt: skip
    course = world.epidemic.transmission
    area, day = (x.ravel() for x in np.indices(course.target.shape))
    _write(place / "transmission.parquet", pa.table({
        "prefecture": names.words(people.places.prefectures, area),
        "date": date_text(world, day),
        "wanted": course.target.ravel(),
        "reproduction_number": course.number.ravel(),
        "introduced": course.introduced.ravel(),
    }))  # fmt: skip


def infections(world: World, epidemic: Epidemic) -> pa.Table:
    """Everybody infected, by whom, where, when, and when it was reported, if ever."""
    found = epidemic.infections
    ever = found.reported < 10**6
    by = np.where(found.infector >= 0, found.person[np.maximum(found.infector, 0)], -1)
    where = world.people.places.prefectures
    return pa.table({
        "person": found.person,
        "infector": pa.array(by, mask=by < 0),
        "date": date_text(world, found.day),
        "setting": names.words(["household", "workplace", "gathering", "introduced"],
                found.setting),
        "where": names.words(where, found.where),
        "onset": date_text(world, found.onset),
        "reported": date_text(world, np.where(ever, found.reported, 0), ever),
        "reporting": names.words(where, found.reporting),
    })  # fmt: skip


def write_records(study: Study, rows: Rows) -> None:
    """Write which person each row of a feed is about, by the feed's key and position of its day."""
    key = {name: rows.table[name] for name in tables.contract(rows.feed).key}
    about = pa.array(rows.person, mask=rows.person < 0)
    table = pa.table({**key, "person": about, "day": rows.day})
    _write(folder(study) / "records" / f"{rows.feed}.parquet", table)


def write_schedule(study: Study, schedule: Sequence[dict[str, Any]]) -> None:
    """Write what was sent when, and what went wrong."""
    _write(folder(study) / "schedule.parquet", pa.Table.from_pylist(list(schedule)))
