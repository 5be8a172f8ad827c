"""A place in memory to link in, with the store of person keys beside it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from analytics.errors import ArchiveError
from analytics.privacy.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLES = """
create table if not exists store.main.LINKAGE_EVENTS (
    batch varchar, event varchar, department varchar, record varchar, person bigint,
    former bigint, probability double);
create table if not exists store.main.LINKS (
    batch varchar, record_left varchar, department_left varchar, record_right varchar,
    department_right varchar, weight double, probability double, decision varchar);
"""


@contextmanager
def workspace(
    folder: Path,
    *,
    store: Path | None = None,
    key: bytes | None = None,
    memory_limit_mb: int = 6144,
    threads: int = 2,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """
    Open a connection whose spill files are encrypted and lie in a private folder.

    Parameters
    ----------
    folder : Path
        Private work folder, made with mode 0700; anything spilt is in ``spill`` below it.
    store : Path, optional
        DuckDB file of the person keys; in memory if left out.
    key : bytes, optional
        Key of the file, 16, 24 or 32 bytes. A store on disk without one is refused.
    memory_limit_mb, threads : int
        Limits of the engine.

    Yields
    ------
    duckdb.DuckDBPyConnection
        Its default database is memory, the store is attached as `store`.

    Raises
    ------
    ArchiveError
        There is no key, it is wrong, or the file is damaged.
    SetupError
        The cipher code of DuckDB is not installed.
    """
    if store is not None and key is None:
        raise ArchiveError("the linkage store is identified and needs a key")
    limit = f"{memory_limit_mb}MB"
    with open_workspace(folder / "spill", memory_limit=limit, threads=threads) as connection:
        connection.execute("set enable_progress_bar = false")
        _attach(connection, store, key)
        connection.execute(_TABLES)
        yield connection


def _attach(connection: duckdb.DuckDBPyConnection, store: Path | None, key: bytes | None) -> None:
    if store is None or key is None:
        connection.execute("attach ':memory:' as store")
        return
    path = str(store).replace("'", "''")
    try:
        # a parameter is not allowed here; the statement is kept out of every message
        connection.execute(f"attach '{path}' as store (encryption_key '{key.hex()}')")
    except duckdb.Error as error:
        raise ArchiveError(
            f"linkage store '{store.name}' cannot be opened",
            [type(error).__name__],
            "check that the key belongs to it and that no other run holds it",
        ) from None
