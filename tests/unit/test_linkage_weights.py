"""Weights from whole arrays are Splink's own, pair for pair; what we do not know is refused."""

from __future__ import annotations

import pytest
from tests.made_up_people import records

from analytics.errors import ContractError
from analytics.pool import linkage
from analytics.pool.linkage import conditions, scoring
from analytics.pool.linkage.training import quiet


def splinks(connection, model, lowest):
    """Pairs and weights of Splink's `predict` under the same model, on the same keys."""
    from splink import DuckDBAPI, Linker

    connection.execute(
        "create table whole as select * from scored join scored_keys using (position)"
    )
    with quiet():
        api = DuckDBAPI(connection=connection)
        ours = api.register("whole")
        linker = Linker(ours, dict(model.settings), log_level=None, validate_settings=False)
        for column in scoring.FREQUENCIES:
            linker.table_management.register_term_frequency_lookup(
                api.register(f"frequency_{column}"), column
            )
        made = linker.inference.predict_within(
            ours, threshold_match_weight=lowest, warning_mode="never"
        )
    rows = connection.execute(
        f"select position_l, position_r, match_weight from {made.physical_name}"
    ).fetchall()
    return {frozenset((left, right)): weight for left, right, weight in rows}


@pytest.mark.parametrize("lowest", [-60.0, -7.0])
def test_weights_are_those_of_splink(tmp_path, lowest):
    people = records(1200, seed=17)
    with linkage.workspace(tmp_path, memory_limit_mb=500) as connection:
        connection.register("raw", people)
        linkage.standardise(connection, "raw")
        model = linkage.train(connection, pairs=2e5)
        scoring.prepare(connection, "batch", "scored")
        scoring.count_frequencies(connection, "batch")
        found = scoring.compare(connection, model, "scored", None, lowest=lowest).to_pylist()
        expected = splinks(connection, model, lowest)
    assert len(found) == len(expected) > 1000
    ours = {frozenset((row["left"], row["right"])): row["weight"] for row in found}
    assert ours == pytest.approx(expected, abs=1e-9)


def test_the_same_records_train_the_same_model(tmp_path):
    people = records(3000, seed=5)
    models = []
    for turn in range(2):
        with linkage.workspace(tmp_path / str(turn), memory_limit_mb=500) as connection:
            connection.register("raw", people)
            linkage.standardise(connection, "raw")
            models.append(linkage.train(connection, pairs=2e5))
    assert models[0] == models[1]


@pytest.mark.parametrize(
    "condition", ["abs(birth_l - birth_r) < 2", "phone_l < phone_r", "jaccard(name_l, name_r) > 1"]
)
def test_a_condition_of_an_unknown_kind_is_refused_or_rightly_asked(condition):
    level = {"sql_condition": condition, "m_probability": 0.9, "u_probability": 0.1}
    other = {"sql_condition": "ELSE", "m_probability": 0.1, "u_probability": 0.9}
    settings = {
        "comparisons": [{"comparison_levels": [level, other]}],
        "probability_two_random_records_match": 0.01,
    }
    if condition.startswith("jaccard"):  # a function of two records: asked of DuckDB
        assert len(conditions.compiled(settings).distances) == 1
    else:
        with pytest.raises(ContractError, match="stored model"):
            conditions.compiled(settings)
