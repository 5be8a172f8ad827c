"""
Purposes: each sees its own columns under its own pseudonyms, and nothing else.

Who asks says in which role and for which purpose. What a role may ask for is a short list;
what a purpose may see is in the contracts. Everything read, and everything refused, is in
the audit log.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from analytics.codes import Purpose
from analytics.errors import PurposeError
from analytics.privacy import audit, pseudonyms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from analytics.privacy import keys
    from analytics.tables import Column

ROLES: Mapping[str, frozenset[Purpose]] = MappingProxyType({
    "epidemiologist": frozenset({Purpose.SCREENING, Purpose.STATISTICS}),
    "transport_controller": frozenset({Purpose.TRAVEL, Purpose.STATISTICS}),
    "code_officer": frozenset({Purpose.HEALTH_CODE}),
    "resettlement_officer": frozenset({Purpose.RESETTLEMENT}),
    "statistician": frozenset({Purpose.STATISTICS}),
    "scheduler": frozenset({Purpose.STATISTICS}),
})  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """
    Who reads, in which role, for which purpose.

    Parameters
    ----------
    role : str
        One of `ROLES`.
    purpose : Purpose
    actor : str
        Account; empty for the one this process runs under.
    """

    role: str
    purpose: Purpose
    actor: str = ""


def project(
    table: Any,
    name: str,
    columns: Iterable[Column],
    reader: Reader,
    ring: keys.Ring,
    log: Path,
    *,
    wanted: Iterable[str] | None = None,
    roles: Mapping[str, frozenset[Purpose]] = ROLES,
) -> pa.Table:
    """
    Give a purpose its view of a table.

    Parameters
    ----------
    table : pyarrow.Table, or anything that gives an Arrow stream
        Records, as an ``ibis.Table`` or a DuckDB relation.
    name : str
        What the table is called in the audit log.
    columns : iterable of Column
        The table's contract. A column that no contract names is seen by nobody.
    reader : Reader
    ring : keys.Ring
    log : Path
        The audit log.
    wanted : iterable of str, optional
        Columns asked for; by default all the purpose may see.
    roles : mapping of str to set of Purpose, optional
        What each role may ask for.

    Returns
    -------
    pyarrow.Table
        Columns of the purpose, in the contract's order. Where the contract says `pseudonym`
        a value is replaced by this purpose's pseudonym of it; withheld columns never
        appear. Rows are in the order of their pseudonyms, so that two purposes' views
        cannot be laid side by side. The schema's metadata name purpose and generation.

    Raises
    ------
    PurposeError
        If the role may not ask for the purpose, the purpose may see nothing here, or a
        wanted column is not for it; every reason is listed, and the refusal is logged.
    """
    contract = {column.name: column for column in columns}
    try:
        chosen = _permitted(contract, name, reader, wanted, roles)
    except PurposeError as refusal:
        _log(log, "refuse", name, reader, {"reasons": len(refusal.breaches)}, roles)
        raise
    records = _records(table, (*chosen, *_needed(contract)))
    documents = next(iter(_needed(contract)), "")
    view = _view(records, [contract[c] for c in chosen], reader.purpose, ring, documents)
    _log(log, "read", name, reader, {"rows": view.num_rows, "columns": view.num_columns}, roles)
    return view


def _permitted(
    contract: Mapping[str, Column],
    name: str,
    reader: Reader,
    wanted: Iterable[str] | None,
    roles: Mapping[str, frozenset[Purpose]],
) -> tuple[str, ...]:
    purpose = reader.purpose
    breaches = []
    if reader.role not in roles:
        near = difflib.get_close_matches(reader.role, list(roles), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(roles)}"
        breaches.append(f"role: there is no such role{hint}")
    elif purpose not in roles[reader.role]:
        breaches.append(f"role: a {reader.role} may not read for {purpose}")
    seen = [c.name for c in contract.values() if purpose in c.purposes and c.archived != "withheld"]
    if not seen:
        breaches.append(f"purpose: {purpose} may see no column of it")
    asked = list(seen if wanted is None else wanted)
    for column in asked:
        if column not in contract:
            breaches.append(f"{column}: no contract names this column")
        elif contract[column].archived == "withheld":
            breaches.append(f"{column}: is withheld; it stays in the vault")
        elif column not in seen:
            breaches.append(f"{column}: is not for {purpose}")
    if breaches:
        raise PurposeError(
            f"'{name}' may not be read so:",
            breaches,
            "ask for the purpose and columns your duty needs; the refusal is in the audit log",
        )
    return tuple(column for column in contract if column in set(asked))


def _needed(contract: Mapping[str, Column]) -> tuple[str, ...]:
    """Columns that say what kind of document another column's numbers are of."""
    return tuple(column.name for column in contract.values() if column.kind == "document")


def _records(table: Any, columns: Iterable[str]) -> pa.Table:
    import pyarrow as pa

    names = list(dict.fromkeys(columns))
    if isinstance(table, pa.Table):
        return table.select([name for name in names if name in table.column_names])
    with pa.RecordBatchReader.from_stream(table) as stream:
        kept = [name for name in names if name in stream.schema.names]
        schema = pa.schema([stream.schema.field(name) for name in kept])
        return pa.Table.from_batches((batch.select(kept) for batch in stream), schema)


def _view(
    records: pa.Table, columns: list[Column], purpose: Purpose, ring: keys.Ring, documents: str
) -> pa.Table:
    import pyarrow as pa

    shown: dict[str, Any] = {}
    keyed = []
    for column in columns:
        if column.name not in records.column_names:
            continue
        values = records[column.name]
        if column.archived == "pseudonym":
            keyed.append(column.name)
            kinds = _kinds(records, column, documents)
            values = pseudonyms.pseudonymise(values, ring, purpose, kinds)
        shown[column.name] = values
    said = {"purpose": str(purpose), "generation": ring.fingerprint}
    view = pa.table(shown).replace_schema_metadata(said)
    order = keyed or view.column_names
    return view.sort_by([(name, "ascending") for name in order]) if order else view


def _kinds(records: pa.Table, column: Column, documents: str) -> Any:
    import pyarrow as pa

    if column.kind == "phone":
        return pa.repeat("phone", records.num_rows)
    if column.kind == "id_number" and documents in records.column_names:
        return records[documents]
    return None


def _log(
    log: Path,
    action: str,
    name: str,
    reader: Reader,
    counts: Mapping[str, int],
    roles: Mapping[str, frozenset[Purpose]],
) -> None:
    role = reader.role if reader.role in roles else "unknown"
    audit.record(
        log, action, name, role=role, purpose=reader.purpose, counts=counts, actor=reader.actor
    )
