"""One value for each person and column, by a stated rule, with where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

RULES: dict[str, tuple[str, str]] = {
    "name": ("most agreed", "name"),
    "number": ("valid first, then most agreed", "number"),
    "birth": ("of a valid number first, then most agreed", "birth"),
    "phone": ("most agreed", "phone"),
    "county": ("most agreed", "county"),
    "address": ("most agreed", "address"),
}
"""Column to (rule in words, column of the store). Ties fall to the more trusted department."""

_FIRST = {
    "number": "max(id_valid) desc, ",
    "birth": "max(id_valid and birth = birth_number) desc, ",
}


def resolve(
    connection: duckdb.DuckDBPyConnection, trust: Mapping[str, Sequence[str]] | None = None
) -> None:
    """
    Make PERSONS and LINEAGE, both identified, as tables `persons` and `lineage`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.
    trust : mapping of str to sequence of str, optional
        For a column, departments from the most trusted on; those not named come last, by name.

    Raises
    ------
    ParameterError
        `trust` names a column that is not resolved.

    Notes
    -----
    PERSONS: `person` and a column for each of `RULES`. LINEAGE: for each person and column
    `department`, `record` (whose value was taken), `rule`, `records` (that state a value),
    `agreeing` (that state this one), `values` (how many different ones were stated).
    """
    trust = trust or {}
    unknown = sorted(set(trust) - set(RULES))
    if unknown:
        raise ParameterError(
            "trust is stated for columns that are not resolved", unknown, f"columns: {[*RULES]}"
        )
    parts = " union all ".join(_chosen(column, trust.get(column, ())) for column in RULES)
    connection.execute(f"create or replace temp table chosen as {parts}")
    columns = ", ".join(f"max(value) filter (item = '{column}') as {column}" for column in RULES)
    connection.execute(
        f"create or replace temp table persons as select person, {columns} from chosen "
        "group by person order by person"
    )
    connection.execute(
        "create or replace temp table lineage as "
        'select * exclude (value) rename (item as "column") from chosen order by person, item'
    )


def _chosen(column: str, trusted: Sequence[str]) -> str:
    rule, source = RULES[column]
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in trusted)
    order = f"coalesce(list_position([{listed}]::varchar[], department), {len(trusted) + 1})"
    first = _FIRST.get(column, "")
    return f"""(
        with stated as (
            select person, {source} as value, count(*) as agreeing,
                min_by(department, ({order}, department, record)) as department,
                min_by(record, ({order}, department, record)) as record,
                row_number() over (partition by person order by {first}count(*) desc,
                    min({order}), min(department), {source}) as place
            from store.main.RECORDS where {source} is not null group by person, {source}
        ), counted as (
            select person, sum(agreeing) as records, count(*) as "values" from stated
            group by person
        )
        select person, '{column}' as item, value, department, record, '{rule}' as rule,
            records::bigint as records, agreeing, "values"
        from stated join counted using (person) where place = 1
    )"""
