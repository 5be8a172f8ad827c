"""
Where record-level work runs: DuckDB in this process, or Spark, both behind Ibis.

Nothing above this floor names an engine. `asof` is written here once, since Spark has no
as-of join and other engines' have returned wrong rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from analytics.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

Engine = Literal["duckdb", "spark"]


def connect(
    engine: Engine = "duckdb",
    *,
    spill: Path | None = None,
    memory: str = "4GB",
    threads: int | None = None,
) -> Any:
    """
    Open a connection for record-level work.

    Parameters
    ----------
    engine : {"duckdb", "spark"}
        Embedded DuckDB, or Spark 4 with Java 17 (extra ``spark``).
    spill : path, optional
        Folder for what does not fit into memory; DuckDB encrypts it. Without one, nothing
        is ever written outside memory.
    memory : str
        Most memory to use, as in ``"4GB"``.
    threads : int, optional
        Threads to use; all cores without it.

    Returns
    -------
    ibis.BaseBackend
        Its tables are record-level tables; close it when done.

    Raises
    ------
    SetupError
        If Spark is asked for and it, or Java, is not installed; if DuckDB's cipher code is not.
    """
    return _duckdb(spill, memory, threads) if engine == "duckdb" else _spark(spill, memory, threads)


def _duckdb(spill: Path | None, memory: str, threads: int | None) -> Any:
    from analytics.engine.remembered import DuckBackend

    options: dict[str, Any] = {"memory_limit": memory, "temp_directory": ""}
    if threads:
        options["threads"] = threads
    if spill is not None:
        spill.mkdir(mode=0o700, parents=True, exist_ok=True)
        options |= {"temp_directory": str(spill)}
    connection = DuckBackend().connect(**options)
    if spill is not None:
        encrypt_spill(connection.con)
    connection.con.execute("SET TimeZone = 'Asia/Shanghai'")
    # commands show progress of their own; a bar on standard output would spoil what is piped on
    connection.con.execute("SET enable_progress_bar = false")
    return connection


def encrypt_spill(connection: duckdb.DuckDBPyConnection) -> None:
    """
    Have DuckDB encrypt what it writes beside memory, under a key only this process has.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Freshly opened; nothing of it may have spilled yet.

    Raises
    ------
    SetupError
        If the cipher code (package ``duckdb-extension-httpfs``) is missing or of another version.

    References
    ----------
    DuckDB 1.5, settings ``temp_file_encryption`` and ``temp_directory``.
    """
    import duckdb

    try:
        connection.load_extension(str(_cipher_code()))
        connection.execute("SET temp_file_encryption = true")
    except duckdb.Error as error:
        raise SetupError(
            f"DuckDB {duckdb.__version__} cannot load its cipher code",
            remedy=f"pip install duckdb-extension-httpfs=={duckdb.__version__}",
        ) from error


def _cipher_code() -> Path:
    """Compiled extension in the installed package; nothing is downloaded."""
    import importlib.util
    from pathlib import Path

    found = importlib.util.find_spec("duckdb_extension_httpfs")
    places = found.submodule_search_locations if found else None
    for place in places or ():
        for path in Path(place).rglob("httpfs.duckdb_extension"):
            return path
    raise SetupError(
        "the cipher code of DuckDB is not installed",
        remedy="pip install duckdb-extension-httpfs, of DuckDB's own version",
    )


def _spark(spill: Path | None, memory: str, threads: int | None) -> Any:
    try:
        from analytics.engine import spark

        return spark.connect(spill, memory, threads)
    except ImportError as error:
        raise SetupError(
            "Spark is not installed", remedy="install the extra: `uv sync --extra spark`"
        ) from error
    except Exception as error:
        if "JAVA" not in str(error).upper():
            raise
        raise SetupError(
            "Spark found no Java 17", remedy="apt install openjdk-17-jre-headless"
        ) from error


def held(table: ir.Table) -> ir.Table:
    """
    Work a table out now and hold it in the engine that it comes from.

    Parameters
    ----------
    table : ibis.Table
        One that is small beside what it will be joined with.

    Returns
    -------
    ibis.Table
        The same rows, of a number that DuckDB knows when it plans the join. What lies in memory
        belongs to no engine yet, and Spark plans anew while it runs: both come back as they are.
    """
    import ibis
    from ibis.expr import operations

    if not table.op().find(operations.DatabaseTable):
        return table
    connection = table.get_backend()
    if connection.name != "duckdb":
        return table
    return connection.create_table(ibis.util.gen_name("held"), table, temp=True)


def count(table: ir.Table, by: Sequence[str], name: str = "count") -> ir.Table:
    """
    Count rows by key.

    Parameters
    ----------
    table : ibis.Table
        Any number of rows.
    by : sequence of str
        Columns of the key; a missing value is a value of its own.
    name : str
        What the count is called.

    Returns
    -------
    ibis.Table
        Columns `by` and `name`, one row per key that occurs.

    Notes
    -----
    DuckDB counts at once and, where the keys are texts and dates of few values, in an array
    (`dense`); Spark and wider keys go through the engine's own grouping, which is lazy.
    """
    import ibis

    connection = table.select(by[0]).get_backend()
    if connection.name == "duckdb":
        from analytics.engine import dense

        counted = dense.count(table, by, connection)
        if counted is not None:
            return ibis.memtable(counted.rename_columns([*by, name]))
    return table.group_by(*by).agg(**{name: table.count()})


def asof(
    left: ir.Table,
    right: ir.Table,
    *,
    on: tuple[str, str],
    by: Sequence[str] = (),
    values: Sequence[str],
    unique: bool = False,
) -> ir.Table:
    """
    Give each row of `left` the latest row of `right` that is not later.

    Parameters
    ----------
    left, right : ibis.Table
        Any number of rows each; one of them at least held by the engine that is to join them
        (of two tables in memory DuckDB is taken to be it).
    on : tuple of str
        Time in `left`, time in `right`; equal times match.
    by : sequence of str
        Columns of both that must be equal; a null matches nothing.
    values : sequence of str
        Columns of `right` to bring over; they may not be columns of `left`.
    unique : bool
        Whether `right` is known to hold each time and key once, which saves a pass.

    Returns
    -------
    ibis.Table
        All rows of `left` with `values`, null where nothing is early enough.

    Notes
    -----
    Of several rows of `right` with one time and key, the one whose values are greatest
    counts, a missing one being least, so that the answer does not depend on the order of
    rows. DuckDB joins by its own
    operator. Spark has none: there the two tables are laid end to end and the values carried
    forward along time within each key, one sort and no pairs. Tests hold both equal.
    """
    import ibis

    once = right.filter(*[right[key].notnull() for key in by], right[on[1]].notnull())  # noqa: PD004
    if not unique:
        # a gap counts as least: engines differ on it, so whether there is one is compared first
        compared: dict[str, ir.Value] = {}
        for value in values:
            compared |= {f"_has_{value}": once[value].notnull(), value: once[value]}  # noqa: PD004
        greatest = ibis.struct(compared).max()
        grouped = once.group_by(*by, on[1]).agg(_found=greatest)
        once = grouped.select(*by, on[1], **{value: grouped["_found"][value] for value in values})
    both = left.select(_one=ibis.literal(1)).cross_join(right.select(_other=ibis.literal(1)))
    if both.get_backend().name == "duckdb":
        return _joined(left, once, on, by, values)
    return _carried(left, once, on, by, values)


def _joined(
    left: ir.Table, once: ir.Table, on: tuple[str, str], by: Sequence[str], values: Sequence[str]
) -> ir.Table:
    import ibis

    renamed = once.select(
        _time=once[on[1]],
        **{f"_by_{key}": once[key] for key in by},
        **{value: once[value] for value in values},
    )
    keys = [left[key] == renamed[f"_by_{key}"] for key in by]
    if not keys:
        keys = [ibis.literal(1) == ibis.literal(1)]
    joined = left.asof_join(renamed, on=left[on[0]] >= renamed["_time"], predicates=keys)
    return joined.select(*left.columns, *values)


def _carried(
    left: ir.Table, once: ir.Table, on: tuple[str, str], by: Sequence[str], values: Sequence[str]
) -> ir.Table:
    import ibis

    timed = left[on[0]].type().is_timestamp() or once[on[1]].type().is_timestamp()
    clock = "timestamp" if timed else once.schema()[on[1]]
    found = once.select(
        **{
            name: once[name].cast(kind) if name in by else ibis.null(kind)
            for name, kind in left.schema().items()
        },
        _time=once[on[1]].cast(clock),
        _found=ibis.struct({value: once[value] for value in values}),
        _asked=ibis.literal(0, "int8"),
    )
    nothing = ibis.null(found.schema()["_found"])
    asked = left.mutate(
        _time=left[on[0]].cast(clock), _found=nothing, _asked=ibis.literal(1, "int8")
    )
    both = ibis.union(found, asked.select(found.columns))
    along = ibis.window(
        group_by=list(by), order_by=[both["_time"], both["_asked"]], preceding=None, following=0
    )
    filled = both.mutate(_latest=both["_found"].last(include_null=False).over(along))
    answered = filled.filter(filled["_asked"] == 1)
    unknown = ibis.or_(answered["_time"].isnull(), *[answered[key].isnull() for key in by])  # noqa: PD003
    return answered.select(
        *left.columns,
        **{value: unknown.ifelse(ibis.null(), answered["_latest"][value]) for value in values},
    )


def compiled(expression: ir.Table, engine: Engine = "duckdb") -> str:
    """
    Write an expression as SQL, each step a query of its own.

    Steps that build on each other would otherwise be written into one another, and a
    column used in ten places worked out ten times over.
    """
    import ibis

    before = ibis.options.sql.fuse_selects
    ibis.options.sql.fuse_selects = False
    try:
        writer: Any
        if engine == "duckdb":
            from analytics.engine.duck import DuckCompiler

            writer = DuckCompiler()
        else:
            from analytics.engine.spark import SparkCompiler

            writer = SparkCompiler()
        return str(writer.to_sqlglot(expression).sql(dialect=writer.dialect, copy=False))
    finally:
        ibis.options.sql.fuse_selects = before


def rows(table: ir.Table, connection: Any) -> pa.Table:
    """Bring a table's rows out of the engine as Arrow, each step a query of its own."""
    import warnings

    import ibis

    before = ibis.options.sql.fuse_selects
    ibis.options.sql.fuse_selects = False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)  # Ibis 12's own calls
            return connection.to_pyarrow(table)
    finally:
        ibis.options.sql.fuse_selects = before


def collect(table: ir.Table, connection: Any) -> pd.DataFrame:
    """
    Bring a table's rows out of the engine: where record tables become area tables.

    Text becomes pandas' text, whole numbers and yes-or-no columns keep missing values.
    """
    import warnings

    import pandas as pd
    import pyarrow as pa

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # Ibis 12's own calls
        rows = connection.to_pyarrow(table)
    kinds = {
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(na_value=float("nan")),
    }
    frame: pd.DataFrame = rows.to_pandas(types_mapper=kinds.get)
    for name in rows.column_names:
        if pa.types.is_date(rows.schema.field(name).type):
            frame[name] = pd.to_datetime(frame[name])
    return frame
