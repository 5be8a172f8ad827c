"""Why two records were linked or not: the weight of each comparison, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.errors import ParameterError
from analytics.pool.linkage import scoring
from analytics.pool.linkage.standard import described
from analytics.pool.linkage.training import quiet

if TYPE_CHECKING:
    import duckdb

    from analytics.pool.linkage.model import Model


def explain(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    left: tuple[str, str],
    right: tuple[str, str],
) -> pd.DataFrame:
    """
    Add up the evidence for one pair of records; no personal value is in the table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.
    model : Model
        The stored model.
    left, right : tuple of str
        (department, record) of each.

    Returns
    -------
    pandas.DataFrame
        `comparison`, `level`, `m`, `u`, `weight` [bits], `total` [bits]; the first row is the
        prior, and how rare a shared name or county is has rows of its own (`level` "rarity").

    Raises
    ------
    ParameterError
        A record is not in the store.
    """
    from splink import DuckDBAPI, Linker

    _pick(connection, left, right)
    settings = {
        **model.settings,
        "retain_intermediate_calculation_columns": True,
        "retain_matching_columns": True,
        "blocking_rules_to_generate_predictions": ["1=1"],
    }
    with quiet():
        api = DuckDBAPI(connection=connection)
        ours = api.register("explained_left")
        linker = Linker(ours, settings, log_level=None, validate_settings=False)
        for column in scoring.FREQUENCIES:
            linker.table_management.register_term_frequency_lookup(
                api.register(f"frequency_{column}"), column
            )
        made = linker.inference.predict_between(
            ours, api.register("explained_right"), warning_mode="never"
        )
        found = connection.execute(f"from {made.physical_name}").to_arrow_table().to_pylist()[0]
        made.drop_table_from_database_and_remove_from_cache()
    prior = model.settings["probability_two_random_records_match"]
    rows: list[dict[str, object]] = [
        {"comparison": "prior", "level": "", "weight": float(np.log2(prior / (1 - prior)))}
    ]
    for comparison in model.settings["comparisons"]:
        rows += _rows(comparison, found)
    table = pd.DataFrame(rows, columns=["comparison", "level", "m", "u", "weight"])
    return table.assign(total=table["weight"].cumsum())


def _rows(comparison: dict[str, object], found: dict[str, object]) -> list[dict[str, object]]:
    name = str(comparison["output_column_name"])
    levels = comparison["comparison_levels"]
    assert isinstance(levels, list)
    known = [level for level in levels if not level.get("is_null_level")]
    place = int(str(found[f"gamma_{name}"]))
    if place < 0:
        return [{"comparison": name, "level": "unknown", "weight": 0.0}]
    level = known[len(known) - 1 - place]
    rows: list[dict[str, object]] = [
        {
            "comparison": name,
            "level": level["label_for_charts"],
            "m": level["m_probability"],
            "u": level["u_probability"],
            "weight": float(str(found[f"mw_{name}"])),
        }
    ]
    rarity = found.get(f"mw_tf_adj_{name}")
    if rarity is not None:
        rows.append({"comparison": name, "level": "rarity", "weight": float(str(rarity))})
    return rows


def _pick(
    connection: duckdb.DuckDBPyConnection, left: tuple[str, str], right: tuple[str, str]
) -> None:
    scoring.count_frequencies(connection, "store.main.RECORDS")
    for side, (department, record) in (("left", left), ("right", right)):
        connection.execute(
            f"create or replace temp table explained_{side} as "
            f"{described('store.main.RECORDS')} where department = ? and record = ?",
            [department, record],
        )
        if not connection.execute(f"from explained_{side}").fetchall():
            raise ParameterError(
                f"the {side} record is not in the linkage store", (), "look it up in LINKS"
            )
