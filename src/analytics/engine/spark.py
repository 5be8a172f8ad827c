r"""
Spark behind Ibis, with what Ibis 12 loses on the way to it put right.

Ibis hands tables to Spark and back through pandas: whole numbers beside a gap become null
and missing text the word "NaN". Here Arrow carries them, which keeps both. Ibis writes
back-references of patterns as ``\1``, which Java reads as the digit 1, and a search without
brackets, which takes in the comparison behind it; here as ``$1``, and bracketed.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.pyspark import Backend
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir
    import pyarrow as pa

_REFERENCE = re.compile(r"\\(\d)")
_JAR = "scala-udf-similarity-*_spark4.x.jar"
_ZONE = "Asia/Shanghai"
_MANY = 50_000  # rows from which on Spark compiles each stage
_NAME = ibis.pyspark.name  # the first look at it registers Ibis's options for Spark


class SparkCompiler(PySparkCompiler):  # type: ignore[misc] # Ibis is untyped
    """Ibis's writer of Spark SQL, with patterns as Java reads them."""

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:  # noqa: N802, ARG002
        """Write a replacement whose back-references are Java's."""
        said = _REFERENCE.sub(r"$\1", op.replacement.value.replace("$", r"\$"))
        return super().visit_RegexReplace(
            op, arg=arg, pattern=pattern, replacement=sge.convert(said)
        )

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: N802
        """Write a search in brackets: else ``a RLIKE b = c`` searches for ``b = c``."""
        return sge.paren(super().visit_RegexSearch(op, arg=arg, pattern=pattern))


class SparkBackend(Backend):  # type: ignore[misc] # Ibis is untyped
    """Ibis's Spark connection, with Arrow between Spark and this process."""

    compiler = SparkCompiler()

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._held: dict[str, int] = {}  # rows of tables in memory

    def _register_in_memory_table(self, op: Any) -> None:
        rows = op.data.to_pyarrow(op.schema)
        self._held[op.name] = rows.num_rows
        self._session.createDataFrame(rows).createOrReplaceTempView(op.name)

    def _few(self, table: ir.Table) -> bool:
        """Whether a query reads so few rows that compiling it would take longer than running it."""
        read = [leaf.name for leaf in table.op().find(ops.PhysicalTable)]
        return sum(self._held.get(name, _MANY) for name in read) < _MANY

    def read_parquet(
        self, path: str | Path | Sequence[str | Path], /, *, table_name: str | None = None, **_: Any
    ) -> ir.Table:
        """Read one Parquet file or several of one schema."""
        from ibis import util

        paths = [path] if isinstance(path, (str, Path)) else list(path)
        name = table_name or util.gen_name("read_parquet")
        self._session.read.parquet(*map(str, paths)).createOrReplaceTempView(name)
        return self.table(name)

    def to_pyarrow(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[Any, Any] | None = None,
        limit: int | str | None = None,
        **_: Any,
    ) -> pa.Table:
        """Bring an expression's rows out as Arrow, without pandas in between."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        statement = self.compile(table, params=params, limit=limit)
        self._session.conf.set("spark.sql.codegen.wholeStage", not self._few(table))
        rows = self._session.sql(statement).toArrow()
        return expr.__pyarrow_result__(rows.cast(table.schema().to_pyarrow()))


def connect(spill: Path | None, memory: str, threads: int | None) -> SparkBackend:
    """
    Start Spark in this process, or join the one that runs.

    Parameters
    ----------
    spill : path, optional
        Private folder for what does not fit into memory, encrypted; without one, a folder
        that is removed when this process ends.
    memory : str
        Most memory of the Java machine, as in ``"4GB"``.
    threads : int, optional
        Threads to use; all cores without it.

    Notes
    -----
    Times carry no zone here and mean Asia/Shanghai, hence ``TIMESTAMP_NTZ``. Nothing
    listens beyond this machine, and peers must know the session's secret.
    """
    from pyspark.sql import SparkSession

    if spill is None:
        spill = Path(tempfile.mkdtemp(prefix="workbench-spark-"))
        atexit.register(shutil.rmtree, spill, ignore_errors=True)
    spill.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(f"local[{threads or '*'}]").appName("workbench")
    for name, choice in _choices(spill, memory, threads or os.cpu_count() or 1).items():
        builder = builder.config(name, choice)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    backend = SparkBackend(session)
    backend.reconnect()
    session.conf.set("spark.sql.session.timeZone", _ZONE)  # Ibis set it to UTC
    return backend


def _similarities() -> dict[str, str]:
    """Splink's functions for comparing names, which Spark lacks: a jar in Splink's package."""
    found = importlib.util.find_spec("splink")
    places = found.submodule_search_locations if found else None
    jars = [str(jar) for place in places or () for jar in sorted(Path(place).rglob(_JAR))]
    return {"spark.jars": jars[-1]} if jars else {}


def _choices(spill: Path, memory: str, threads: int) -> dict[str, str]:
    return {
        **_similarities(),
        "spark.driver.memory": re.sub(r"([GMK])B$", lambda unit: unit[1].lower(), memory),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(spill),
        "spark.sql.warehouse.dir": str(spill / "warehouse"),
        "spark.io.encryption.enabled": "true",
        "spark.authenticate": "true",
        "spark.network.crypto.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": _ZONE,
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": str(2 * threads),
    }
