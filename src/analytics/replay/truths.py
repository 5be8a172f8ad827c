"""What a replay found, held against the truth: from outside, after the fact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.loop import ledger, persons
from analytics.privacy import vault
from analytics.simulation import truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from analytics.privacy.keys import Ring
    from analytics.study import Study


def recognised(study: Study, ring: Ring, screened: pa.Table) -> pa.Table:
    """
    Say which person of the truth each screened one is.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
        Opens who is who.
    screened : pyarrow.Table
        ``person`` (screening's pseudonym), ``category``, ``rule``.

    Returns
    -------
    pyarrow.Table
        ``person`` of the truth, ``category`` and ``rule`` of those in any category; who was
        linked without a number that the truth knows is left out.
    """
    stated = vault.unseal_table(study.state / "vault", "linkage/persons", ring)
    stated = stated.filter(pa.compute.is_valid(stated["person"]))
    keyed = persons.pseudonyms_of(stated["person"].combine_chunks(), ring, "screening")
    stated = stated.append_column("pseudonym", keyed)
    known = pq.read_table(truth.folder(study) / "persons.parquet", columns=["person", "id_number"])
    return ledger.query(
        """
        select distinct k.person, s.category::varchar as category, s.rule::varchar as rule
        from screened s join stated t on t.pseudonym = s.person
        join known k using (id_number)
        where s.category::varchar not in ('none', 'recovered', 'dead')
        """,
        stated=stated, known=known, screened=screened,
    )  # fmt: skip


def found(study: Study, days: Sequence[tuple[date, Path]], first: date) -> pd.DataFrame:
    """
    Say of everybody who fell ill in the span when screening found them, and as what.

    Parameters
    ----------
    study : Study
    days : sequence of (date, Path)
        Each day's :func:`recognised`, as Parquet.
    first : date
        First day of the span.

    Returns
    -------
    pandas.DataFrame
        One row per way of being found first (screening's category; ``never``):
        ``category``, ``persons``, and ``days`` from onset to being found, as ``median`` and
        quartiles ``lower``, ``upper``. People of the truth, counted for the simulated province
        alone.
    """
    ill = pq.read_table(
        truth.folder(study) / "infections.parquet", columns=["person", "onset"]
    ).to_pandas()
    ill["onset"] = pd.to_datetime(ill["onset"])
    last = max((day for day, _ in days), default=first)
    ill = ill[(ill["onset"] >= pd.Timestamp(first)) & (ill["onset"] <= pd.Timestamp(last))]
    seen = [pq.read_table(path).to_pandas().assign(day=pd.Timestamp(day)) for day, path in days]
    every = pd.concat(seen, ignore_index=True) if seen else pd.DataFrame(
        {"person": [], "category": [], "rule": [], "day": []})  # fmt: skip
    order = every.sort_values(["day", "category"]).drop_duplicates("person")
    both = ill.merge(order, on="person", how="left")
    both["category"] = both["category"].fillna("never")
    both["days"] = (both["day"] - both["onset"]).dt.days
    grouped = both.groupby("category")["days"]
    return pd.DataFrame({
        "persons": both.groupby("category").size(), "median": grouped.median(),
        "lower": grouped.quantile(0.25), "upper": grouped.quantile(0.75),
    }).reset_index()  # fmt: skip


def numbers(study: Study) -> set[bytes]:
    """Numbers of documents and phones of everybody in the truth."""
    known = pq.read_table(truth.folder(study) / "persons.parquet", columns=["id_number", "phone"])
    return {
        value.encode()
        for name in known.column_names
        for value in known[name].drop_null().to_pylist()
        if value
    }
