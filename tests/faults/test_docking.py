"""Docking with a real PostgreSQL, started for these tests alone."""

from __future__ import annotations  # noqa: I001

import os
import shutil
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy

from analytics import engine, study
from analytics.errors import SourceError
from analytics.pool import archive, docking, pooling

from tests import pool_study

QUERY = "SELECT facility, day AS date, county, beds, changed FROM beds WHERE CAST(:watermark AS timestamptz) IS NULL OR changed > :watermark ORDER BY changed"  # noqa: E501


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is not installed: `make test` does it, or apt install postgresql"
    return found[-1].parent


@pytest.fixture(scope="module")
def database():
    """URL of a PostgreSQL that listens on a socket in its own folder only."""
    # not pytest's folder: its parents are closed to the database's own user
    programs, folder = _programs(), Path(tempfile.mkdtemp(prefix="postgresql-"))
    as_owner = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    cluster = folder / "cluster"
    subprocess.run(
        [
            *as_owner,
            programs / "initdb",
            "-D",
            cluster,
            "-A",
            "trust",
            "-U",
            "reader",
            "-E",
            "UTF8",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run(
        [
            *as_owner,
            programs / "pg_ctl",
            "-D",
            cluster,
            "-w",
            "-o",
            options,
            "-l",
            folder / "log",
            "start",
        ],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    yield f"postgresql+psycopg://reader@/postgres?host={folder}"
    subprocess.run(
        [*as_owner, programs / "pg_ctl", "-D", cluster, "-m", "immediate", "stop"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    shutil.rmtree(folder)


def _told(database, *statements):  # noqa: ANN002, ANN202
    opened = sqlalchemy.create_engine(database)
    with opened.begin() as connection:
        for statement in statements:
            connection.execute(sqlalchemy.text(statement))
    opened.dispose()


def _known(chosen):  # noqa: ANN202
    connection = engine.connect()
    state = archive.as_of(
        chosen.state / "archive", datetime(2030, 1, 1, tzinfo=study.ZONE), connection
    )["beds"]
    rows = connection.execute(state)
    connection.disconnect()
    return dict(zip(rows["facility"], rows["beds"], strict=True))


def test_only_what_is_new_comes_each_time(database, monkeypatch, tmp_path):
    chosen = pool_study.make(monkeypatch, tmp_path)
    _told(
        database,
        "CREATE TABLE beds (facility text, day date, county text, beds numeric, changed timestamptz)",  # noqa: E501
        "INSERT INTO beds VALUES ('同济', '2020-02-01', '江岸区', 12, '2020-02-01 08:00+08'), ('协和', '2020-02-01', '420103', 7, '2020-02-01 09:00+08')",  # noqa: E501
    )
    assert docking.fetch(chosen, "beds", database, QUERY, watermark="changed") == 2
    pooling.run(chosen)
    assert _known(chosen) == {"同济": 12, "协和": 7}
    assert docking.fetch(chosen, "beds", database, QUERY, watermark="changed") == 0
    _told(
        database,
        "UPDATE beds SET beds = 13, changed = '2020-02-02 08:00+08' WHERE facility = '同济'",
        "INSERT INTO beds VALUES ('金银潭', '2020-02-02', '420112', -1, '2020-02-02 08:01+08')",
    )
    assert docking.fetch(chosen, "beds", database, QUERY, watermark="changed") == 2
    added = pooling.run(chosen).added
    assert [(entry.accepted, entry.quarantined) for entry in added] == [(1, 1)]
    assert _known(chosen) == {"同济": 13, "协和": 7}


def test_a_refusal_tells_no_secret(database, monkeypatch, tmp_path):
    chosen = pool_study.make(monkeypatch, tmp_path)
    with pytest.raises(SourceError) as refused:
        docking.fetch(chosen, "beds", database + "&password=geheim", "SELECT nothing FROM nowhere")
    assert "geheim" not in str(refused.value)
    assert not (chosen.state / "inbox").exists()
