"""Linkage gives the same person keys on Spark, night after night."""

from __future__ import annotations

from analytics.pool import linkage
from tests.made_up_people import records


def test_person_keys_and_links_are_those_of_duckdb(spark, tmp_path):
    """A model trained once; two nights, so that pairs within a night and across both are found."""
    people = records(250, seed=31)
    half = people.num_rows // 2
    found = {}
    for engine, session in (("duckdb", None), ("spark", spark._session)):
        with linkage.workspace(tmp_path / engine, memory_limit_mb=500) as connection:
            connection.register("everyone", people)
            linkage.standardise(connection, "everyone")
            model = linkage.train(connection, pairs=1e5)
            for number, part in enumerate((people.slice(0, half), people.slice(half))):
                connection.register("night", part)
                linkage.link(connection, "night", model, str(number), session=session)
            links = connection.execute(
                "select least(record_left, record_right), greatest(record_left, record_right), "
                "round(weight, 6), decision from store.main.LINKS order by all"
            ).fetchall()
            found[engine] = (linkage.keys(connection).to_pylist(), links)
    keys, links = found["spark"]
    assert keys == found["duckdb"][0]
    assert links == found["duckdb"][1]
    assert len(links) > 200
    assert len({row["person"] for row in keys}) < people.num_rows
