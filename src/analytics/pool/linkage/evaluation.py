"""How often linkage errs, and for whom: for evaluation with known truth only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import duckdb

GROUPS = {
    "all": "true",
    "foreign name": "regexp_matches(name, '[A-Z]')",
    "permit instead of identity number": "number is not null and id_card is null",
    "no number": "number is null",
    "no phone": "phone is null",
    "no birth date": "birth is null",
    "no address": "address is null",
    "name of two characters": "length(name) = 2",
}
"""Groups of records by what they state; SQL over a standard record."""


def evaluate(connection: duckdb.DuckDBPyConnection, truth: str) -> dict[str, float]:
    """
    Compare the store's persons with the truth.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.
    truth : str
        Table with `department`, `record`, `truth`.

    Returns
    -------
    dict
        `precision`, `recall`, `f1` over all pairs of records that share a person;
        `cluster_precision`, `cluster_recall`, `cluster_f1` over whole persons: right only if
        their records are exactly one true person's.
    """
    row = connection.execute(
        f"""
        with paired as (select r.person, t.truth from store.main.RECORDS r
            join {truth} t using (department, record)),
        cells as (select person, truth, count(*) as n from paired group by all),
        found as (select person, sum(n) as n, count(*) as parts from cells group by all),
        true_persons as (select truth, sum(n) as n, count(*) as parts from cells group by all)
        select (select sum(n * (n - 1) / 2) from cells), (select sum(n * (n - 1) / 2) from found),
            (select sum(n * (n - 1) / 2) from true_persons),
            (select count(*) from cells join found using (person)
                join true_persons using (truth) where found.parts = 1 and true_persons.parts = 1),
            (select count(*) from found), (select count(*) from true_persons)
        """
    ).fetchone()
    assert row is not None
    right, linked, true, whole, persons, truths = (float(value or 0) for value in row)
    return {
        "precision": right / linked if linked else 1.0,
        "recall": right / true if true else 1.0,
        "f1": 2 * right / (linked + true) if linked + true else 1.0,
        "cluster_precision": whole / persons,
        "cluster_recall": whole / truths,
        "cluster_f1": 2 * whole / (persons + truths),
    }


def error_rates(connection: duckdb.DuckDBPyConnection, truth: str) -> pd.DataFrame:
    """
    Error rates by group of people.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.
    truth : str
        Table with `department`, `record`, `truth`.

    Returns
    -------
    pandas.DataFrame
        `group`, `records`, `true_pairs` (ordered, from a record of the group to any other),
        `missed` and `false` (shares of true pairs not linked and of links that are false) and the
        ends of their 95 % Wilson intervals.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953.
    """
    parts = " union all ".join(
        f"select '{name}' as \"group\", * exclude (person, truth, record, department) "
        f"from each where {sql}"
        for name, sql in GROUPS.items()
    )
    counts = connection.execute(
        f"""
        with paired as (select r.*, t.truth from store.main.RECORDS r
            join {truth} t using (department, record)),
        each as (select *, count(*) over (partition by truth) - 1 as true_pairs,
            count(*) over (partition by person) - 1 as links,
            count(*) over (partition by person, truth) - 1 as right_links from paired)
        select "group", count(*) as records, sum(true_pairs)::bigint as true_pairs,
            sum(links)::bigint as links, sum(right_links)::bigint as right_links
        from ({parts}) group by "group"
        """
    ).df()
    order = {name: place for place, name in enumerate(GROUPS)}
    counts = counts.sort_values("group", key=lambda names: names.map(order), ignore_index=True)
    for rate, bad, of in (
        ("missed", counts["true_pairs"] - counts["right_links"], counts["true_pairs"]),
        ("false", counts["links"] - counts["right_links"], counts["links"]),
    ):
        counts = counts.join(_wilson(rate, bad.astype(float), of.astype(float)))
    return counts.drop(columns=["links", "right_links"])


def ceiling(connection: duckdb.DuckDBPyConnection, truth: str) -> dict[str, float]:
    """
    Count the true pairs that hold too little evidence for anybody.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.
    truth : str
        Table with `department`, `record`, `truth`.

    Returns
    -------
    dict
        `pairs`; `nothing`: shares of pairs that agree exactly on no name, number, birth date,
        phone or address; `name_only`: on the name and nothing else but perhaps the county.
    """
    row = connection.execute(
        f"""
        with paired as (select r.*, t.truth from store.main.RECORDS r
            join {truth} t using (department, record)),
        pairs as (select l.name = r.name as name,
            coalesce(l.number = r.number, false) or coalesce(l.phone = r.phone, false)
            or coalesce(l.address = r.address, false) or coalesce(l.birth = r.birth, false)
            or coalesce(l.birth_stated = r.birth_number, false)
            or coalesce(l.birth_number = r.birth_stated, false) as other
            from paired l join paired r using (truth) where l.position < r.position)
        select count(*), avg((not coalesce(name, false) and not other)::int),
            avg((coalesce(name, false) and not other)::int) from pairs
        """
    ).fetchone()
    assert row is not None
    return {"pairs": float(row[0]), "nothing": float(row[1] or 0), "name_only": float(row[2] or 0)}


def _wilson(rate: str, bad: pd.Series[float], of: pd.Series[float]) -> pd.DataFrame:
    z = 1.959964
    size = of.where(of > 0)
    share = bad / size
    centre = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * (share * (1 - share) / size + z**2 / (4 * size**2)) ** 0.5
    return pd.DataFrame(
        {rate: share, f"{rate}_lower": centre - half, f"{rate}_upper": centre + half}
    )
