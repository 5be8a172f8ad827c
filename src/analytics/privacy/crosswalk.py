"""
Crosswalks: from the pseudonyms of one generation of keys to those of the next.

Rotating the keys changes every pseudonym. What the archive holds under old ones stays
reachable through a crosswalk, one per use, sealed in the vault. It is written before the
new generation is in force, under a name that only that generation has: a rotation killed
halfway leaves the old generation and a crosswalk that no ring will ever ask for.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from analytics.codes import Purpose
from analytics.errors import ArchiveError, KeyringError
from analytics.privacy import keys, pseudonyms, vault
from analytics.study import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

FOLDER = "crosswalk"
"""Folder of crosswalks in the vault."""
_USES = (
    pseudonyms.ARCHIVE,
    f"{pseudonyms.ARCHIVE}:phone",
    *(str(purpose) for purpose in Purpose),
)


def rotate(
    folder: Path,
    ring: keys.Ring,
    identifiers: Any = None,
    documents: Any = None,
    uses: Iterable[str] = _USES,
) -> keys.Ring:
    """
    Begin a new generation of keys, with crosswalks from the old pseudonyms.

    Parameters
    ----------
    folder : Path
        The vault.
    ring : keys.Ring
        The present generation.
    identifiers : pyarrow.Array or ChunkedArray of string, shape (n,), optional
        Whatever pseudonyms were made of: person keys, identity numbers, phones.
    documents : same type, shape (n,), optional
        Kind of document of each, as :func:`pseudonyms.canonical` takes it.
    uses : iterable of str
        Uses that pseudonyms were made for; by default the archive and every `Purpose`.

    Returns
    -------
    keys.Ring
        The new generation. Killed at any moment, the old or the new one is in force, whole.
    """
    today = datetime.now(ZONE).date()
    keys.period_key(ring, today, make=True)
    _drop_unreached(folder, ring)

    values = None if identifiers is None else _canonical(identifiers, documents)

    def prepare(new: keys.Ring) -> None:
        for use in uses:
            table = _table(values, ring, new, use)
            vault.seal_table(folder, table, _name(new.fingerprint, use), today, ring)

    return keys.rotate(ring, prepare if values is not None else None)


def translate(folder: Path, values: Any, ring: keys.Ring, use: str, generation: str) -> pa.Array:
    """
    Translate pseudonyms of an earlier generation to the present one.

    Parameters
    ----------
    folder : Path
        The vault.
    values : pyarrow.Array or ChunkedArray of string, shape (n,)
        Pseudonyms made under `generation`.
    ring : keys.Ring
        The present generation.
    use : str
        What they are for.
    generation : str
        Fingerprint of the generation they were made under.

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        Null where the crosswalk does not know the pseudonym.

    Raises
    ------
    KeyringError
        If `generation` is none of this ring's.
    ArchiveError
        If a crosswalk on the way is missing, damaged or purged.
    """
    import pyarrow.compute as pc

    line = (*ring.retired, ring.fingerprint)
    if generation not in line:
        raise KeyringError(f"generation {generation} is none of study '{ring.study}'")
    values = pseudonyms.flat(values)
    for later in line[line.index(generation) + 1 :]:
        table = vault.unseal_table(folder, _name(later, use), ring)
        place = pc.index_in(values, value_set=pseudonyms.flat(table["old"]))
        values = pseudonyms.flat(table["new"]).take(place)
    return values


def former(folder: Path, values: Any, ring: keys.Ring, use: str) -> list[pa.Array]:
    """
    Translate present pseudonyms back, generation by generation.

    Parameters
    ----------
    folder : Path
        The vault.
    values : pyarrow.Array or ChunkedArray of string, shape (n,)
        Pseudonyms under the present generation.
    ring : keys.Ring
        The present generation.
    use : str
        What they are for.

    Returns
    -------
    list of pyarrow.Array of string, shape (n,)
        The last generation first; null where a crosswalk does not know the pseudonym. It ends
        before the first crosswalk that is missing or purged.
    """
    import pyarrow.compute as pc

    values, found = pseudonyms.flat(values), []
    for later in reversed((*ring.retired, ring.fingerprint)[1:]):
        try:
            table = vault.unseal_table(folder, _name(later, use), ring)
        except ArchiveError:
            break
        place = pc.index_in(values, value_set=pseudonyms.flat(table["new"]))
        values = pseudonyms.flat(table["old"]).take(place)
        found.append(values)
    return found


def persons(table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """
    Take whatever pseudonyms are made of from the vault's person table.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``person``, ``id_number`` (with ``document``) and ``phone``; those it has.

    Returns
    -------
    tuple of pyarrow.Array of string
        Identifiers and kinds of document, as :func:`rotate` takes them.
    """
    import pyarrow as pa

    none = pa.nulls(table.num_rows, pa.string())
    kinds = {
        "person": none,
        "id_number": table["document"] if "document" in table.column_names else none,
        "phone": pa.repeat("phone", table.num_rows),
    }
    held = [name for name in kinds if name in table.column_names]
    values = [pseudonyms.flat(table[name]).cast(pa.string()) for name in held]
    documents = [pseudonyms.flat(kinds[name]).cast(pa.string()) for name in held]
    empty = pa.nulls(0, pa.string())
    return pa.concat_arrays([empty, *values]), pa.concat_arrays([empty, *documents])


def _canonical(identifiers: Any, documents: Any) -> pa.Array:
    import pyarrow.compute as pc

    kinds = None if documents is None else pseudonyms.flat(documents)
    return pc.unique(pseudonyms.canonical(pseudonyms.flat(identifiers), kinds)).drop_null()


def _table(canonical: pa.Array, old: keys.Ring, new: keys.Ring, use: str) -> pa.Table:
    import pyarrow as pa

    columns = {
        "old": pseudonyms.key(canonical, old, use),
        "new": pseudonyms.key(canonical, new, use),
    }
    return pa.table(columns).sort_by("old")


def _name(fingerprint: str, use: str) -> str:
    groups = "-".join(re.findall("....", fingerprint))  # no long run of digits in a clear name
    return f"{FOLDER}/{groups}/{use}"


def _drop_unreached(folder: Path, ring: keys.Ring) -> None:
    """Remove crosswalks to generations that never came into force."""
    reached = {*ring.retired, ring.fingerprint}
    for name in vault.names(folder):
        parts = name.split("/")
        if parts[0] == FOLDER and parts[1].replace("-", "") not in reached:
            vault.discard(folder, name)
