"""What Spark writes beside memory tells nobody: shuffles, spills and kept tables are encrypted."""

from __future__ import annotations

from pathlib import Path

from analytics.pool import linkage
from tests.made_up_people import records


def test_no_file_of_spark_tells_an_identity(spark, tmp_path):
    """Records are kept on disk, shuffled and joined, and linked; every file is looked through."""
    from pyspark import StorageLevel

    session = spark._session
    people = records(1200, seed=3)
    held = session.createDataFrame(people.drop_columns(["truth"])).persist(StorageLevel.DISK_ONLY)
    session.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
    try:
        pairs = held.alias("l").join(held.alias("r"), "phone").repartition(7, "phone")
        assert pairs.persist(StorageLevel.DISK_ONLY).count() > held.count() * 0.5
        with linkage.workspace(tmp_path, memory_limit_mb=500) as connection:
            few = people.slice(0, 700)
            connection.register("raw", few)
            linkage.standardise(connection, "raw")
            model = linkage.train(connection, pairs=1e5)
            linkage.link(connection, "raw", model, "one", session=session)
        folder = Path(session.sparkContext.getConf().get("spark.local.dir"))
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jar"]
        content = b"".join(path.read_bytes() for path in files)
    finally:
        session.catalog.clearCache()
        session.conf.unset("spark.sql.autoBroadcastJoinThreshold")
    assert len(files) > 5
    assert len(content) > 100_000
    for column in ("id_card", "phone", "name", "address"):
        values = {value.encode() for value in people[column].drop_null().to_pylist()}
        told = sum(value in content for value in sorted(values)[:2500] if len(value) > 6)
        assert told == 0, column
