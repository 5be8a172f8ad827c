"""
Linkage of made-up people beside Splink's plain set-up and three exact rules, and a night of it.

The frozen sets lie in the folder ``WORKBENCH_SHARED/linkage``: ``easy`` and ``hard``, each four
departments of 50,000 records over 80,000 people, and the truth. Every method works in a
process of its own, so that peak memories are its own. Nothing is tuned on the truth: the
threshold is a probability of one half, the model is trained on the records alone. One peer
may choose its threshold by the truth, which is to its favour.

What is measured as a night: a model trained once and stored is loaded; a million records that
nobody but the generator of the tests made are standardised, scored against each other,
joined and written, in one process with two threads, making and training not counted. Then a night
of two in a hundred more comes, scored against all that is stored. Error rates by group of
people are from made-up people too, one in ten of them with a Latin name and a passport
or permit.

Every DuckDB, the peers' too, may use `MEMORY_MB` and must spill what is more: without that limit
Splink's plain set-up once took 19 GB of memory on the hard set.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import numpy as np
import pyarrow as pa

from analytics.pool import linkage
from analytics.pool.linkage import scoring
from analytics.pool.linkage.evaluation import GROUPS
from analytics.pool.linkage.training import quiet

MEMORY_MB = 2500
BITS = (0.0, 5.0, 10.0, 15.0, 20.0)  # match weights the second peer may choose from, by the truth
RULES = (("id_card",), ("name", "phone"), ("name", "birth_date", "county"))
COSTS = ("seconds", "processor", "peak")
Scores = dict[str, float]


def run() -> list[dict[str, object]]:
    """Rows: quality, time and memory on both sets; the ceiling; a night over a million."""
    folder = Path(os.environ.get("WORKBENCH_SHARED", "../shared")) / "linkage"
    rows: list[dict[str, object]] = []
    if not (folder / "hard.parquet").is_file():
        print(f"the frozen sets are absent: no 'linkage/hard.parquet' in {folder.parent.name}")
    else:
        for name in ("easy", "hard"):
            rows += _beside(folder, name)
    return rows + _night_rows() + _group_rows()


def _group_rows() -> list[dict[str, object]]:
    found = alone(groups)
    return [
        row(f"{meaning} of records with: {name}", found[f"{kind} {name}"], None, found["peak"])
        for kind, meaning in (
            ("missed", "share of true pairs missed"),
            ("false", "share of links that are false"),
        )
        for name in GROUPS
        if f"{kind} {name}" in found
    ]


def groups(people: int = 30_000) -> Scores:
    """Error rates by group of made-up people, one in ten of them foreign."""
    from tests.made_up_people import records

    with (
        tempfile.TemporaryDirectory() as work,
        linkage.workspace(Path(work), memory_limit_mb=MEMORY_MB) as connection,
    ):
        connection.register("raw", records(people, seed=23, foreign=0.1))
        connection.execute("create table truth as select record, department, truth from raw")
        linkage.standardise(connection, "raw")
        linkage.link(connection, "raw", linkage.train(connection), "one")
        rates = linkage.error_rates(connection, "truth").set_index("group")
    return {f"{kind} {name}": float(rates.loc[name, kind]) for kind in ("missed", "false")
            for name in rates.index}  # fmt: skip


def _beside(folder: Path, name: str) -> list[dict[str, object]]:
    ours = alone(workbench, folder, name)
    rows = []
    for peer, method in (
        ("Splink plain", splink_plain),
        ("Splink with term frequencies and one-to-one clusters", splink_one_to_one),
        ("three exact rules", exact_rules),
    ):
        theirs = alone(method, folder, name)
        rows += [
            row(f"{name}, {measure}; peer: {peer}", ours[measure], theirs[measure], ours["peak"])
            for measure in ("precision", "recall", "f1", "cluster_f1", *COSTS)
        ]
    for part, meaning in (
        ("nothing", "true pairs that agree on no name, number, birth date, phone or address"),
        ("name_only", "true pairs that agree on the name only"),
    ):
        rows.append(row(f"{name}, {meaning}", ours[part], None, ours["peak"]))
    rows.append(row(f"{name}, seconds of training in it", ours["training"], None, ours["peak"]))
    return rows


def row(what: str, ours: float, peer: float | None, peak: float) -> dict[str, object]:
    """One row of results."""
    return {
        "name": "linkage",
        "what": what,
        "ours": round(ours, 4),
        "peer": None if peer is None else round(peer, 4),
        "ratio": round(ours / peer, 3) if peer else None,
        "peak_memory_mb": round(peak),
    }


def alone(method: Callable[..., Scores], *arguments: object) -> Scores:
    """Run a method in a fresh process; adds its seconds and its peak memory [MB]."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as executor:
        return executor.submit(_measured, method, *arguments).result()


def _measured(method: Callable[..., Scores], *arguments: object) -> Scores:
    start, processor = time.perf_counter(), time.process_time()
    found = method(*arguments)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "processor": processor, "peak": peak} | found


def workbench(folder: Path, name: str) -> Scores:
    """Train on the records, link them, and count against the truth."""
    with (
        tempfile.TemporaryDirectory() as work,
        linkage.workspace(Path(work), memory_limit_mb=MEMORY_MB) as connection,
    ):
        start = time.perf_counter()
        _load(connection, folder, name)
        linkage.standardise(connection, "raw")
        model = linkage.train(connection)
        trained = time.perf_counter()
        linkage.link(connection, "raw", model, name)
        done = time.perf_counter()
        scores = linkage.evaluate(connection, "truth") | linkage.ceiling(connection, "truth")
        return scores | {"training": trained - start, "seconds": done - start}


def splink_plain(folder: Path, name: str) -> Scores:
    """Splink as its tutorial sets it up: no term frequencies, connected components at 0.5."""
    return _splink(folder, name, tuned=False)


def splink_one_to_one(folder: Path, name: str) -> Scores:
    """Splink with term frequencies and its one-to-one clusters, at its best of `BITS`."""
    return _splink(folder, name, tuned=True)


def _splink(folder: Path, name: str, *, tuned: bool) -> Scores:
    from splink import DuckDBAPI, Linker, block_on

    with duckdb.connect(config={"memory_limit": f"{MEMORY_MB}MB", "threads": 2}) as connection:
        start = time.perf_counter()
        _load(connection, folder, name)
        connection.execute("set enable_progress_bar = false")
        found = connection.execute("select distinct department from raw order by all").fetchall()
        departments = [department for (department,) in found]
        for department in departments:
            connection.execute(
                f"create view {department} as from raw where department = '{department}'"
            )
        with quiet():
            api = DuckDBAPI(connection=connection)
            parts = [api.register(department) for department in departments]
            linker = Linker(parts, _splink_settings(tuned=tuned), log_level=None)
            linker.training.estimate_probability_two_random_records_match(
                [block_on("id_card"), block_on("name", "birth_date")], recall=0.6
            )
            linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
            learn = linker.training.estimate_parameters_using_expectation_maximisation
            learn(block_on("id_card"))
            learn(block_on("name", "county"))
            made = linker.inference.predict(threshold_match_probability=0.5)
            if tuned:
                scores = max(
                    (_clustered(connection, linker, made, bits, departments) for bits in BITS),
                    key=lambda each: each["cluster_f1"],
                )
            else:
                pairs = connection.execute(
                    f"select record_l, record_r from {made.physical_name}"
                ).fetchnumpy()
                scores = _components(connection, pairs["record_l"], pairs["record_r"])
        return scores | {"seconds": time.perf_counter() - start}


def _clustered(
    connection: duckdb.DuckDBPyConnection, linker: Any, made: Any, bits: float, names: list[str]
) -> Scores:
    """Scores of Splink's own one-to-one clusters from a match weight up."""
    clusters = linker.clustering.cluster_using_single_best_links(
        made, names, threshold_match_weight=bits
    )
    persons = connection.execute(
        f"select record, cluster_id as person from {clusters.physical_name}"
    ).to_arrow_table()
    return _scored(connection, persons) | {"bits": bits}


def _splink_settings(*, tuned: bool) -> Any:
    import splink.comparison_library as compare
    from splink import SettingsCreator, block_on

    return SettingsCreator(
        link_type="link_only",
        unique_id_column_name="record",
        comparisons=[
            compare.JaroWinklerAtThresholds("name").configure(term_frequency_adjustments=tuned),
            compare.LevenshteinAtThresholds("id_card", [1, 2]),
            compare.LevenshteinAtThresholds("birth_date", [1]),
            compare.LevenshteinAtThresholds("phone", [1]),
            compare.ExactMatch("county").configure(term_frequency_adjustments=tuned),
            compare.LevenshteinAtThresholds("address", [1]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("id_card"),
            block_on("phone"),
            block_on("name", "county"),
            block_on("name", "birth_date"),
            block_on("address"),
        ],
    )


def exact_rules(folder: Path, name: str) -> Scores:
    """Take records as one person's if they agree on number, name and phone, or name and birth."""
    with duckdb.connect(config={"memory_limit": f"{MEMORY_MB}MB", "threads": 2}) as connection:
        start = time.perf_counter()
        _load(connection, folder, name)
        parts = " union ".join(
            "select l.record as record_l, r.record as record_r from raw l join raw r on "
            + " and ".join(f"l.{column} = r.{column}" for column in rule)
            + " where l.department < r.department"
            for rule in RULES
        )
        pairs = connection.execute(parts).fetchnumpy()
        scores = _components(connection, pairs["record_l"], pairs["record_r"])
        return scores | {"seconds": time.perf_counter() - start}


def _load(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    connection.execute(f"create table raw as from '{folder}/{name}.parquet'")
    connection.execute(
        "create table truth as select record, department, t.person as truth "
        f"from raw join '{folder}/{name}_truth.parquet' t using (record)"
    )


def _components(
    connection: duckdb.DuckDBPyConnection, left: np.ndarray, right: np.ndarray
) -> Scores:
    """Take connected components as persons and count them as ours are counted."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    names = connection.execute("select record from raw order by record").fetchnumpy()["record"]
    names = names.astype(str)
    ends = [np.searchsorted(names, side.astype(str)) for side in (left, right)]
    graph = coo_matrix((np.ones(len(left)), ends), shape=(len(names), len(names)))
    found = {"record": pa.array(names.tolist()), "person": connected_components(graph)[1]}
    return _scored(connection, pa.table(found))


def _scored(connection: duckdb.DuckDBPyConnection, persons: pa.Table) -> Scores:
    """Count persons (`record`, `person`) as ours are counted."""
    connection.register("found", persons)
    connection.execute("attach if not exists ':memory:' as store")
    connection.execute(
        "create or replace table store.main.RECORDS as "
        "select raw.*, found.person from raw join found using (record)"
    )
    return linkage.evaluate(connection, "truth")


def million(people: int = 420_000) -> Scores:
    """Store a million records under a stored model, then let a night of new ones come."""
    from tests.made_up_people import records

    made = records(people, seed=7, share=0.62)
    with (
        tempfile.TemporaryDirectory() as work,
        linkage.workspace(Path(work), memory_limit_mb=MEMORY_MB) as connection,
    ):
        connection.register("made", made)
        connection.execute("create table raw as select *, hash(record) % 50 = 0 as late from made")
        connection.unregister("made")
        connection.execute("create table truth as select record, department, truth from raw")
        connection.execute("create view sample as from raw where hash(record) % 5 = 1")
        linkage.standardise(connection, "sample")
        model = linkage.train(connection)
        path = Path(work) / "model.json"
        model.save(path)
        model = linkage.Model.load(path)
        connection.execute("create view first as from raw where not late")
        connection.execute("create view night as from raw where late")
        marks = [(time.perf_counter(), time.process_time())]
        with mock.patch.object(scoring, "compare", timed(scoring.compare)) as compare:
            whole = linkage.link(connection, "first", model, "first")
        marks.append((time.perf_counter(), time.process_time()))
        night = linkage.link(connection, "night", model, "night")
        marks.append((time.perf_counter(), time.process_time()))
        elapsed, processor = np.diff(np.array(marks), axis=0).T
        return linkage.evaluate(connection, "truth") | {
            "first": float(whole.accepted),
            "first_seconds": float(elapsed[0]),
            "first_processor": float(processor[0]),
            "first_scoring": float(compare.seconds),
            "night": float(night.accepted),
            "night_seconds": float(elapsed[1]),
            "night_processor": float(processor[1]),
        }


def timed(function: Callable[..., Any]) -> Any:
    """Make a function that adds its seconds up in its attribute ``seconds``."""

    def measured(*given: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            setattr(measured, "seconds", getattr(measured, "seconds") + time.perf_counter() - start)  # noqa: B009, B010

    setattr(measured, "seconds", 0.0)  # noqa: B010
    return measured


def _night_rows() -> list[dict[str, object]]:
    found = alone(million)
    stored, new, peak = found["first"], found["night"], found["peak"]
    return [
        row(
            f"seconds of a night: {new:,.0f} new records standardised, scored against "
            f"{stored:,.0f} stored, joined and written; peer: aim of 10 s",
            found["night_seconds"],
            10.0,
            peak,
        ),
        row("processor seconds of that night", found["night_processor"], None, peak),
        row(
            f"seconds of all {stored:,.0f} records in one first night under the stored model; "
            "peer: aim of 10 s",
            found["first_seconds"],
            10.0,
            peak,
        ),
        row("processor seconds of that first night", found["first_processor"], None, peak),
        row("seconds of scoring in it: pairs found and weighed", found["first_scoring"], 10, peak),
        row("made-up million, precision after both", found["precision"], None, peak),
        row("made-up million, f1 after both", found["f1"], None, peak),
    ]


if __name__ == "__main__":
    for each in run():
        print(each)
