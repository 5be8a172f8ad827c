"""
Intake: rows of text are typed by their contract; each bad row keeps every reason.

Written once in Ibis, it runs on DuckDB and Spark. No row is looped over, nothing is raised
per row: a bad row costs what a good row costs. ``rows in = accepted + quarantined +
duplicates``, always.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics import engine, tables
from analytics.pool import identities, rules
from analytics.pool.reading import POSITION, WITHDRAWN
from analytics.tables import SITES, read
from analytics.tables.words import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb

    from analytics.pool.reading import Reading
    from analytics.tables import Column, Contract

DELIVERED = "_delivered"
_FILE = 40  # bits of a position that count rows within one of several files
Places = tuple[ibis.Table, tuple[str, str]]
_YES_NO = read(SITES)["halal"]  # any yes-or-no column: `withdrawn` is read alike
_KEPT = ("text", "name", "address")  # kinds in which "NA" is a word like any other

PLANNING = "set disabled_optimizers = 'in_clause'"
"""Statement for a connection that checks rows: word lists become joins otherwise, which cost more
to plan than to look through."""


def check(rows: ibis.Table, contract: Contract, places: Places) -> ibis.Table:
    """
    Type rows of text by their contract.

    Parameters
    ----------
    rows : ibis.Table
        ``_position``, the contract's columns and ``withdrawn``, all but the first as text, and
        ``_delivered``, the day of delivery: nothing can have happened later.
    contract : Contract
        Contract of the feed.
    places : tuple
        Table ``text, region`` of what regions are called, and the patterns that find a
        prefecture and a county in an address.

    Returns
    -------
    ibis.Table
        ``_position``, the columns typed, ``withdrawn`` as bool, and ``reasons``: empty for a sound
        row, else ``column:reason`` for each fault, each closed by ``;``. A withdrawn row
        needs its key only.
    """
    texts = _placed(_without_missing(rows, contract), contract, places)
    plain = texts.mutate(
        **{f"_plain_{c.name}": _plain(texts, c) for c in contract.columns if c.kind not in _KEPT},
        _plain_withdrawn=texts[WITHDRAWN].lower(),
    )
    numbered = _numbered(plain, contract)
    valued = numbered.mutate(
        **{f"_value_{c.name}": _value(numbered, c) for c in contract.columns},
        _value_withdrawn=rules.yes_no(numbered["_plain_withdrawn"]),
    )
    faulty = valued.mutate(**_faults(valued, contract))
    return faulty.select(
        POSITION,
        **{c.name: faulty[f"_value_{c.name}"] for c in contract.columns},
        **{WITHDRAWN: faulty["_value_withdrawn"].fill_null(False)},  # noqa: FBT003
        reasons=_reasons(faulty, contract),
    )


def _without_missing(rows: ibis.Table, contract: Contract) -> ibis.Table:
    blank = {
        c.name: rows[c.name].lower().isin(MISSING).ifelse(ibis.null("string"), rows[c.name])
        for c in contract.columns
        if c.kind not in _KEPT
    }
    return rows.mutate(**blank)


def _placed(rows: ibis.Table, contract: Contract, places: Places) -> ibis.Table:
    """Join regions to their codes; ``_region_<column>`` is null where the text names none."""
    names, (cities, counties) = places
    columns = [c.name for c in contract.columns if c.kind == "region"]
    texts = {name: rows[name] for name in columns}
    kinds = {c.name: c.kind for c in contract.columns}
    if kinds.get("address") == "address" and kinds.get("county") == "region":
        blank = rows["county"].isnull()
        city, county = (rows["address"].re_extract(p, 1).nullif("") for p in (cities, counties))
        texts["county_in_city"] = blank.ifelse(city + county, None)
        texts["county_alone"] = blank.ifelse(county, None)
    keyed = rows.mutate(**{f"_text_{name}": text for name, text in texts.items()})
    for name in texts:
        look = names.select(**{f"_look_{name}": names["text"], f"_region_{name}": names["region"]})
        keyed = keyed.left_join(look, keyed[f"_text_{name}"] == look[f"_look_{name}"]).drop(
            f"_look_{name}", f"_text_{name}"
        )
    if "county_alone" in texts:
        found = keyed["_region_county"].coalesce(
            keyed["_region_county_in_city"], keyed["_region_county_alone"]
        )
        keyed = keyed.mutate(_region_county=found)
    return keyed


def _plain(texts: ibis.Table, column: Column) -> Any:
    text = texts[column.name]
    if column.kind == "region":
        return texts[f"_region_{column.name}"]
    if column.kind == "id_number":
        return identities.bare(text)
    if column.kind == "phone":
        return identities.phone(text)
    return rules.plain(text, column)


def _numbered(plain: ibis.Table, contract: Contract) -> ibis.Table:
    """Spell identity numbers, then check them: two steps, each worked out once."""
    if not any(c.kind == "id_number" for c in contract.columns):
        return plain
    stated = rules.value(plain["_plain_document"], contract["document"])
    spelled = plain.mutate(
        _plain_id_number=identities.spelled(plain["_plain_id_number"]), _stated=stated
    )
    number = spelled["_plain_id_number"]
    return spelled.mutate(
        _document=identities.document(number, spelled["_stated"]),
        _checked=identities.checked(number),
    )


def _value(rows: ibis.Table, column: Column) -> Any:
    if column.kind in _KEPT:
        return rows[column.name]
    if column.kind == "document":
        return rows["_document"]
    return rules.value(rows[f"_plain_{column.name}"], column)


def _fault(rows: ibis.Table, column: Column) -> Any:
    text, value = rows[column.name], rows[f"_value_{column.name}"]
    if column.kind == "id_number":
        return identities.fault(text, value, rows["_document"], rows["_checked"])
    if column.kind == "phone":
        return identities.phone_fault(text, value)
    if column.kind == "document":
        value = rows["_stated"]
    return rules.fault(text, value, column, rows[DELIVERED])


def _faults(rows: ibis.Table, contract: Contract) -> dict[str, Any]:
    """Faults of each column, then what is missing, then what is out of order."""
    gone = rows["_value_withdrawn"].fill_null(False)  # noqa: FBT003
    faults = {f"_fault_{c.name}": _fault(rows, c) for c in contract.columns}
    faults["_fault_withdrawn"] = rules.fault(
        rows[WITHDRAWN], rows["_value_withdrawn"], _YES_NO, rows[DELIVERED]
    )
    for column in contract.columns:
        if column.required:
            absent = rows[column.name].isnull() & rows[f"_value_{column.name}"].isnull()
            absent = absent if column.name in contract.key else absent & ~gone
            faults[f"_absent_{column.name}"] = absent.ifelse("missing", ibis.null("string"))
    for place, (first, second) in enumerate(contract.order):
        later = _later(rows[f"_value_{first}"], rows[f"_value_{second}"])
        faults[f"_order{place}_{first}"] = later.ifelse(f"after_{second}", ibis.null("string"))
    return {name: fault for name, fault in faults.items() if fault is not None}


def _reasons(rows: ibis.Table, contract: Contract) -> Any:
    names = {*(c.name for c in contract.columns), WITHDRAWN}
    entries = [
        (name.split("_", 2)[2], rows[name])
        for name in rows.columns
        if name.startswith(("_fault_", "_absent_", "_order")) and name.split("_", 2)[2] in names
    ]
    sound = ibis.and_(*[reason.isnull() for _, reason in entries])
    words = [(ibis.literal(f"{name}:") + reason + ";").fill_null("") for name, reason in entries]
    return sound.ifelse("", words[0].concat(*words[1:]))


def _later(first: Any, second: Any) -> Any:
    if first.type().is_timestamp() != second.type().is_timestamp():
        first, second = first.cast("date"), second.cast("date")
    return (first > second).fill_null(False)  # noqa: FBT003


@dataclass(frozen=True)
class Intake:
    """
    What became of one file's rows.

    Attributes
    ----------
    accepted : pyarrow.Table
        Typed rows, without ``reasons``; ``_position`` says where each stood.
    rejected : pyarrow.Table
        ``position, column, reason``, one row per fault.
    quarantined, duplicates : int
        Rows with a fault; rows that repeat an earlier one of the file word for word.
    """

    accepted: pa.Table
    rejected: pa.Table
    quarantined: int
    duplicates: int

    @property
    def rows(self) -> int:
        """Rows in the file: accepted, quarantined and duplicate."""
        return int(self.accepted.num_rows) + self.quarantined + self.duplicates


def text_table(contract: Contract, name: str) -> ibis.Table:
    """Rows of text of a feed, as `check` takes them, bound to no engine."""
    columns = dict.fromkeys([*(c.name for c in contract.columns), WITHDRAWN], "string")
    return ibis.table({POSITION: "int64", **columns, DELIVERED: "date"}, name=name)


@lru_cache(maxsize=256)
def _statement(feed: str, patterns: tuple[str, str]) -> str:
    names = ibis.table({"text": "string", "region": "string"}, name="_names")
    contract = tables.contract(feed)
    return engine.compiled(check(text_table(contract, "_raw"), contract, (names, patterns)))


def _checked_by(
    checker: Any, rows: pa.Table, contract: Contract, places: tuple[pa.Table, tuple[str, str]]
) -> pa.Table:
    names, patterns = places
    checked = check(ibis.memtable(rows), contract, (ibis.memtable(names), patterns))
    return engine.rows(checked, checker)


def take(
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    contract: Contract,
    places: tuple[pa.Table, tuple[str, str]],
    delivered: date,
    checker: Any = None,
) -> Intake:
    """
    Check one file's rows.

    Parameters
    ----------
    connection : duckdb connection
        Where to count and gather; what is made there is removed again.
    reading : Reading
        The file as text.
    contract : Contract
        Contract of its feed.
    places : tuple
        `regions.places` of the study.
    delivered : date
        Day of delivery.
    checker : ibis backend, optional
        Where the rows are checked, as `engine.connect` gives; `connection` without it.
    """
    return take_all(connection, [(reading, delivered)], contract, places, checker)[0]


def take_all(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[tuple[Reading, date]],
    contract: Contract,
    places: tuple[pa.Table, tuple[str, str]],
    checker: Any = None,
) -> list[Intake]:
    """
    Check several files of one feed in one go, each as if it were alone.

    Parameters
    ----------
    connection : duckdb connection
        Where to count and gather; what is made there is removed again.
    files : sequence of (Reading, date)
        Files as text and their days of delivery.
    contract : Contract
        Contract of their feed.
    places : tuple
        `regions.places` of the study.
    checker : ibis backend, optional
        Where the rows are checked, as `engine.connect` gives; `connection` without it.

    Returns
    -------
    list of Intake
        One for each file, in their order.
    """
    names, patterns = places
    raw = pa.concat_tables(map(_numbered_file, range(len(files)), files))
    if checker is None:
        statement = _statement(contract.feed, patterns)
    else:
        raw, statement = _checked_by(checker, raw, contract, places), "FROM _raw"
    connection.register("_raw", raw)
    connection.register("_names", names)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE _checked AS {statement}")
        columns = ", ".join(f'"{c.name}"' for c in contract.columns) + f', "{WITHDRAWN}"'
        said = f"hash({columns})"
        keys = ", ".join(f'"{name}"' for name in contract.key)
        sound = connection.execute(
            f"SELECT {POSITION}, {columns}, row_number() OVER ("  # noqa: S608
            f"PARTITION BY {POSITION} >> {_FILE}, {keys}, {said} ORDER BY {POSITION}) = 1 "
            f"AS _first FROM _checked WHERE reasons = '' ORDER BY {POSITION}"
        ).to_arrow_table()
        faults = connection.execute(
            'SELECT "position", split_part(fault, \':\', 1) AS "column", '  # noqa: S608
            f"split_part(fault, ':', 2) AS reason FROM (SELECT {POSITION} AS \"position\", "
            "unnest(string_split(rtrim(reasons, ';'), ';')) AS fault "
            "FROM _checked WHERE reasons <> '') ORDER BY ALL"
        ).to_arrow_table()
    finally:
        connection.execute("DROP TABLE IF EXISTS _checked")
        connection.unregister("_raw")
        connection.unregister("_names")
    return [_intake(place, reading, sound, faults) for place, (reading, _) in enumerate(files)]


def _numbered_file(place: int, file: tuple[Reading, date]) -> pa.Table:
    """Rows of one file, told apart from other files' rows by their positions."""
    reading, delivered = file
    rows = reading.rows
    at = rows.column_names.index(POSITION)
    shifted = pc.add(rows[POSITION], pa.scalar(place << _FILE, pa.int64()))
    day = pa.repeat(pa.scalar(delivered, pa.date32()), rows.num_rows)
    return rows.set_column(at, POSITION, shifted).append_column(DELIVERED, day)


def _intake(place: int, reading: Reading, sound: pa.Table, faults: pa.Table) -> Intake:
    own, wrong = _own(sound, POSITION, place), _own(faults, "position", place)
    accepted = own.filter(own["_first"]).drop_columns(["_first"])
    return Intake(
        accepted=accepted,
        rejected=pa.concat_tables([wrong, reading.misread]),
        quarantined=reading.rows.num_rows - own.num_rows + reading.misread.num_rows,
        duplicates=own.num_rows - accepted.num_rows,
    )


def _own(rows: pa.Table, name: str, place: int) -> pa.Table:
    """Rows of one file, of rows in order of position, with its own positions."""
    first, last = np.searchsorted(rows[name].to_numpy(), [place << _FILE, (place + 1) << _FILE])
    part = rows.slice(first, last - first)
    own = pc.subtract(part[name], pa.scalar(place << _FILE, pa.int64()))
    return part.set_column(part.column_names.index(name), name, own)
