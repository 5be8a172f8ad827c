"""
People behind pseudonyms: one line for each in any list, and their details for a duty's team.

A purpose's pseudonym of a person is keyed from the person key that linkage keeps in the
vault. Here alone several purposes' pseudonyms are brought together, in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from analytics.loop import ledger
from analytics.privacy import pseudonyms, vault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from analytics.privacy.keys import Ring
    from analytics.study import Study

_LINE = "loop"  # use of the pseudonym that names a person's line
_PERSONS, _RESOLVED, _RECORDS = "linkage/persons", "linkage/resolved", "linkage/records"
DETAILS = ("name", "number", "birth", "phone", "county", "address")


def pseudonyms_of(persons: pa.Array, ring: Ring, use: str) -> pa.ChunkedArray:
    """Pseudonyms of person keys, shape (n,), for a purpose or another use."""
    return pseudonyms.pseudonymise(persons.cast(pa.string()), ring, use)


def lines(study: Study, ring: Ring, purposes: Iterable[str]) -> pa.Table:
    """
    List the line of each known person, by purpose and pseudonym.

    A line is the person's own in a team's lists: the same for every purpose, and no pseudonym of
    any of them.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
    purposes : iterable of str
        Each gives a row per person.

    Returns
    -------
    pyarrow.Table
        ``purpose``, ``subject``, ``line``; no row where nobody has been linked yet.

    Raises
    ------
    ArchiveError, KeyringError
        As `vault.unseal_table`.
    """
    folder = study.state / "vault"
    nobody = pa.table({name: pa.array([], pa.string()) for name in ("purpose", "subject", "line")})
    if not vault.holds(folder, _RESOLVED):
        return nobody
    held = vault.unseal_table(folder, _RESOLVED, ring)["person"].combine_chunks()
    line = pseudonyms_of(held, ring, _LINE)
    return pa.concat_tables([nobody, *(
        pa.table({
            "purpose": pa.repeat(pa.scalar(str(purpose)), len(held)),
            "subject": pseudonyms_of(held, ring, str(purpose)),
            "line": line,
        })
        for purpose in sorted({str(each) for each in purposes})
    )])  # fmt: skip


def details(study: Study, ring: Ring, wanted: pa.Table) -> pa.Table:
    """
    Details of the persons and records that rows are about.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
    wanted : pyarrow.Table
        ``purpose``, ``subject``, ``subject_kind``.

    Returns
    -------
    pyarrow.Table
        ``purpose``, ``subject``, ``side`` (1, or 2 for the other of a pair), `DETAILS` as text,
        and ``language`` that the person is likely to read (zh, en). Nobody unknown is in it.
    """
    folder = study.state / "vault"
    found = []
    if vault.holds(folder, _RESOLVED):
        found.append(_persons(folder, ring, wanted))
    if vault.holds(folder, _RECORDS):
        found.append(_pairs(folder, ring, wanted))
    if not found:
        names = ("purpose", "subject", *DETAILS, "language")
        return pa.table({n: pa.array([], pa.string()) for n in names}).append_column(
            "side", pa.array([], pa.int64())
        )
    return pa.concat_tables(found, promote_options="default")


def _persons(folder: Path, ring: Ring, wanted: pa.Table) -> pa.Table:
    resolved = vault.unseal_table(folder, _RESOLVED, ring)
    stated = vault.unseal_table(folder, _PERSONS, ring).select(["person", "document"])
    persons = resolved["person"].combine_chunks()
    purposes = sorted(pc.unique(wanted["purpose"]).to_pylist())
    keyed = [
        pa.table({
            "purpose": pa.repeat(pa.scalar(purpose), len(persons)),
            "subject": pseudonyms_of(persons, ring, purpose),
            "person": persons,
        })
        for purpose in purposes
    ]  # fmt: skip
    empty = pa.table({"purpose": pa.array([], pa.string()), "subject": pa.array([], pa.string()),
                      "person": pa.array([], persons.type)})  # fmt: skip
    return ledger.query(
        """
        with languages as (
            select person, if(bool_or(document in ('passport', 'permanent_resident'))
                and not bool_or(document = 'resident_id'), 'en', 'zh') as language
            from stated where person is not null group by person
        )
        select w.purpose, w.subject, 1::bigint as side, r.name::varchar as name,
            r.number::varchar as number, r.birth::varchar as birth, r.phone::varchar as phone,
            r.county::varchar as county, r.address::varchar as address,
            coalesce(l.language, 'zh') as language
        from (select distinct purpose, subject from wanted where subject_kind = 'person') w
        join keyed k using (purpose, subject) join resolved r using (person)
        left join languages l using (person)
        """,
        wanted=wanted, keyed=pa.concat_tables([empty, *keyed]), resolved=resolved, stated=stated,
    )  # fmt: skip


def _pairs(folder: Path, ring: Ring, wanted: pa.Table) -> pa.Table:
    """Both records of a pair named ``<feed>:<record>|<feed>:<record>``."""
    records = vault.unseal_table(folder, _RECORDS, ring)
    return ledger.query(
        """
        with sides as (
            select purpose, subject, generate_subscripts(string_split(subject, '|'), 1) as side,
                unnest(string_split(subject, '|')) as named
            from (select distinct purpose, subject from wanted where subject_kind = 'pair')
        )
        select s.purpose, s.subject, s.side::bigint as side, r.name::varchar as name,
            r.id_card::varchar as number, r.birth::varchar as birth, r.phone::varchar as phone,
            r.county::varchar as county, r.address::varchar as address, 'zh' as language
        from sides s join records r
            on s.named = concat(r.department, ':', r.record)
        """,
        wanted=wanted, records=records,
    )  # fmt: skip
