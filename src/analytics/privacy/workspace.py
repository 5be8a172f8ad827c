"""
A database for work on identified records that leaves nothing readable on disk.

DuckDB writes what does not fit in memory to temporary files, in clear unless told
otherwise. Here they are encrypted under a key that only the running process has, in a
private folder.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from analytics import engine
from analytics.privacy import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb


@contextlib.contextmanager
def open_workspace(
    folder: Path, *, memory_limit: str = "", threads: int = 0
) -> Iterator[duckdb.DuckDBPyConnection]:
    """
    Open an in-memory DuckDB whose spilled files are encrypted.

    Parameters
    ----------
    folder : Path
        Where it may spill; made with mode 0700. Spilled files go when it closes, and when the
        next one opens after a kill.
    memory_limit : str
        As DuckDB takes it (``4GB``); empty for DuckDB's own choice.
    threads : int
        0 for DuckDB's own choice.

    Yields
    ------
    duckdb.DuckDBPyConnection

    Raises
    ------
    SetupError
        If the cipher code (package ``duckdb-extension-httpfs``) is missing or of another
        version.
    KeyringError
        If others can reach the folder.

    References
    ----------
    DuckDB 1.5, settings ``temp_file_encryption`` and ``temp_directory``.
    """
    import duckdb

    disk.make_private(folder)
    disk.check_private(folder)
    with disk.locked(folder / "workspace.lock"):
        for left in folder.glob("duckdb_temp_*"):
            left.unlink()
        settings: dict[str, str | bool | int | float | list[str]] = {"temp_directory": str(folder)}
        settings |= {"memory_limit": memory_limit} if memory_limit else {}
        settings |= {"threads": threads} if threads else {}
        with duckdb.connect(config=settings) as connection:
            engine.encrypt_spill(connection)
            yield connection
