"""One module per claim, each beside the peer in the same run; `make bench [NAME=…]`."""

from __future__ import annotations

import importlib
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS = ("name", "what", "ours", "peer", "ratio", "peak_memory_mb")

Row = dict[str, object]


def names() -> list[str]:
    """Names of all benchmarks, sorted; hyphens stand for underscores in file names."""
    return sorted(
        path.stem.replace("_", "-") for path in HERE.glob("*.py") if not path.stem.startswith("_")
    )


def rows_of(name: str) -> list[Row]:
    """
    Run one benchmark.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    list of dict
        The rows it measured.

    Raises
    ------
    ValueError
        If a row lacks one of `COLUMNS`, or there is no row.
    """
    rows: list[Row] = importlib.import_module(f"benchmarks.{name.replace('-', '_')}").run()
    lacking = sorted({column for row in rows for column in COLUMNS if column not in row})
    if lacking or not rows:
        raise ValueError(f"benchmark '{name}' lacks {', '.join(lacking) or 'rows'}")
    return rows
