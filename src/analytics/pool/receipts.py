"""Receipts: what became of a delivery, and which rows of it were refused; no value of any row."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analytics.privacy.disk import make_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from analytics.pool.archive import Entry
    from analytics.pool.intake import Intake
    from analytics.study import Study


def write(study: Study, entries: Iterable[tuple[Entry, Intake | None]]) -> None:
    """
    Write the receipt of each delivery, and the reject list of each that was read.

    Parameters
    ----------
    study : Study
    entries : iterable of tuple
        What the archive is going to list, with what became of the rows; none where the file
        was refused whole.
    """
    files: dict[Path, bytes] = {}
    for entry, taken in entries:
        folder = study.state / "receipts" / entry.department / entry.date.isoformat()
        make_private(folder)
        stem = f"{entry.file}.{entry.sha256[:12]}"
        if taken is not None:
            files[folder / f"{stem}.rejects.csv"] = _csv(taken.rejected)
        text = json.dumps(_receipt(entry, taken), ensure_ascii=False, indent=1) + "\n"
        files[folder / f"{stem}.json"] = text.encode()
    _replace(files)


def _receipt(entry: Entry, taken: Intake | None) -> dict[str, Any]:
    reasons: dict[str, int] = {}
    if taken is not None:
        counts = taken.rejected.group_by(["column", "reason"]).aggregate([("position", "count")])
        for row in counts.to_pylist():
            reasons[f"{row['column'] or 'row'}: {row['reason']}"] = row["position_count"]
    return {
        "name": entry.name,
        "department": entry.department,
        "feed": entry.feed,
        "date": entry.date.isoformat(),
        "delivered": entry.delivered.isoformat(),
        "sha256": entry.sha256,
        "refused": entry.refused,
        "rows": entry.accepted + entry.quarantined + entry.duplicates,
        "accepted": entry.accepted,
        "quarantined": entry.quarantined,
        "duplicates": entry.duplicates,
        "reasons": dict(sorted(reasons.items())),
    }


def _csv(rejected: pa.Table) -> bytes:
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(rejected.sort_by([("position", "ascending"), ("column", "ascending")]), sink)
    return bytes(sink.getvalue())


def _replace(files: dict[Path, bytes]) -> None:
    """Put files into their places, each of them whole on disk before it has its name."""
    arriving = {path: path.with_name(f".{path.name}") for path in files}
    for path, content in files.items():
        arriving[path].write_bytes(content)
    for path in files:
        with arriving[path].open("rb") as stream:
            os.fsync(stream.fileno())
    for path in files:
        arriving[path].replace(path)
