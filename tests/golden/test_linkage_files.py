"""Frozen sets of made-up people: how well they are linked, each trained on its own records."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analytics.pool import linkage


@pytest.mark.real
@pytest.mark.parametrize(("name", "f1"), [("easy", 0.995), ("hard", 0.95)])
def test_frozen_set(name, f1, tmp_path):
    folder = Path(os.environ["WORKBENCH_SHARED"]) / "linkage"
    with linkage.workspace(tmp_path, memory_limit_mb=2500) as connection:
        connection.execute(f"create table raw as from '{folder}/{name}.parquet'")
        connection.execute(
            "create table truth as select record, department, t.person as truth "
            f"from raw join '{folder}/{name}_truth.parquet' t using (record)"
        )
        linkage.standardise(connection, "raw")
        linkage.link(connection, "raw", linkage.train(connection), name)
        scores = linkage.evaluate(connection, "truth")
        rates = linkage.error_rates(connection, "truth").set_index("group")
    assert scores["precision"] >= 0.99
    assert scores["f1"] >= f1
    assert scores["cluster_f1"] >= f1
    assert rates["false"].max() <= 0.02
