"""
A process that pools an inbox in a child and kills it at a chosen moment.

Run as a module it answers lines as :mod:`tests.privacy_kills` does; the folder holds the
study's home and keys.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.acero
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet  # noqa: F401

from analytics import study
from analytics.pool import intake, pooling, regions
from analytics.privacy import keys, vault  # noqa: F401
from tests import privacy_kills


def pool(folder: Path) -> None:
    """Take in what lies in the inbox of the study below a folder."""
    os.environ["WORKBENCH_HOME"] = str(folder / "home")
    os.environ["WORKBENCH_KEYS"] = str(folder / "keys")
    chosen = study.load("hubei-2020")
    pooling.run(chosen, keys.load(chosen.name))


if __name__ == "__main__":
    # Made once, before the children; nothing here starts a thread.
    for feed in ("beds", "roaming"):
        intake._statement(feed, regions.places(study.load("hubei-2020"))[1])
    privacy_kills.DEEDS["pool"] = pool
    privacy_kills.serve()
