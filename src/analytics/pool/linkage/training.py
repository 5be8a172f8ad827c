"""Training without labels: chances of agreement among strangers, then among true pairs."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics.errors import ContractError, interrupted
from analytics.methods import matching
from analytics.pool.linkage import model as definition
from analytics.pool.linkage import scoring

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_Chances = dict[tuple[str, str], tuple[float | None, float | None]]
_AGREEING = ("same number", "numbers differ by a slip", "same birth date")
_MOST_AGREEING = 0.2  # of a household's other members; more, and EM found no households
_ROUNDS = 10


def train(
    connection: duckdb.DuckDBPyConnection,
    records: str = "batch",
    *,
    pairs: float = 1e7,
    threshold: float = 0.5,
    review: tuple[float, float] = (0.1, 0.9),
    seed: int = 20200229,
) -> definition.Model:
    r"""
    Train a model on standard records, without knowing which belong together.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds `records`.
    records : str
        Table made by :func:`analytics.pool.linkage.standardise`.
    pairs : float
        Random pairs from which chances among strangers are counted.
    threshold : float
        Probability from which a pair is linked.
    review : tuple of float
        Band of probability that goes to clerical review.
    seed : int
        Of the random sample.

    Returns
    -------
    Model
        To be stored and used until the departments' ways of recording change.

    Raises
    ------
    ContractError
        Fewer than two departments, or too few records agree on number, name or address.

    Notes
    -----
    Chances `u` among strangers come from random pairs. Chances `m` among true pairs come from
    expectation-maximisation (EM) among pairs of one number (for name, contact and county), and
    among pairs of one name and county (for identity). A third EM, among pairs of one
    address with `u` free, gives the chance of names among *other members of a household*,
    unless no such pairs exist: their numbers and birth dates would agree. The prior is the
    fixed point of

    .. math:: \lambda = \sum_{ij} p_{ij}(\lambda) / N,

    over the pairs looked at, with `N` all pairs of different departments.

    References
    ----------
    Fellegi & Sunter (1969), doi:10.1080/01621459.1969.10501049.
    Linacre et al. (2022), doi:10.23889/ijpds.v7i3.1794 (Splink).
    """
    sizes = [
        row[0]
        for row in connection.execute(
            f"select count(*) from {records} group by department"
        ).fetchall()
    ]
    if len(sizes) < 2:  # noqa: PLR2004
        raise ContractError(
            "a linkage model cannot be trained",
            [f"{sum(sizes)} records of {len(sizes)} department(s)"],
            "deliver records of at least two departments",
        )
    everything = (sum(sizes) ** 2 - sum(size**2 for size in sizes)) / 2
    scoring.prepare(connection, records, "trained_on")
    scoring.withhold(connection, "trained_on")
    scoring.count_frequencies(connection, records)
    connection.execute(
        "create or replace temp table training as "
        "select * from trained_on join trained_on_keys using (position) order by position"
    )
    with _one_thread(connection):
        strangers, chances = _estimate(connection, pairs, 1 / max(sizes), seed)
    floor = 0.5 / min(pairs, everything)
    filled = definition.fill(definition.comparisons(), _joined(strangers, chances, floor))
    settings = definition.settings(filled, 1 / max(sizes))
    first = definition.Model(settings, threshold, review, {})
    prior = _prior(connection, first, everything)
    settings = definition.settings(filled, prior)
    counts = {"records": float(sum(sizes)), "departments": float(len(sizes)), "prior": prior}
    return definition.Model(settings, threshold, review, counts)


def _estimate(
    connection: duckdb.DuckDBPyConnection, pairs: float, prior: float, seed: int
) -> tuple[_Chances, dict[str, _Chances]]:
    from splink import DuckDBAPI, Linker

    plain = definition.settings(definition.comparisons(households=False), prior)
    with quiet():
        api = DuckDBAPI(connection=connection)
        linker = Linker(api.register("training"), plain, log_level=None)
        linker.training.estimate_u_using_random_sampling(max_pairs=pairs, seed=seed)
        strangers = _chances(linker._settings_obj.core_model_settings)  # noqa: SLF001
        learn = linker.training.estimate_parameters_using_expectation_maximisation
        found: dict[str, _Chances] = {}
        for name, columns, free in (
            ("number", ("number",), False),
            ("name", ("name", "county"), False),
            ("household", ("address",), True),
        ):
            try:
                session = learn(definition.rule(*columns), fix_u_probabilities=not free)
            except Exception as error:
                if interrupted(error):
                    raise
                # Splink's own carry SQL and values
                if free:  # only true pairs share addresses here: no second class to learn from
                    found[name] = {}
                    continue
                raise ContractError(
                    "a linkage model cannot be trained",
                    [f"too few pairs agree on {' and '.join(columns)} ({type(error).__name__})"],
                    "train on more records, or on departments that share these columns",
                ) from None
            found[name] = _chances(session.core_model_settings)
    return strangers, found


def _chances(core: Any) -> _Chances:
    return {
        (comparison.output_column_name, level.label_for_charts): (
            _number(level.m_probability),
            _number(level.u_probability),
        )
        for comparison in core.comparisons
        for level in comparison.comparison_levels
        if not level.is_null_level
    }


def _number(chance: Any) -> float | None:
    return float(chance) if isinstance(chance, int | float) else None


def _joined(
    strangers: _Chances, found: dict[str, _Chances], floor: float
) -> dict[tuple[str, str], tuple[float, float]]:
    joined: dict[tuple[str, str], tuple[float, float]] = {}
    household = found["household"]
    agreeing = sum(household.get(("identity", level), (0, 1))[1] or 0 for level in _AGREEING)
    for (comparison, level), (_, u) in strangers.items():
        source = "name" if comparison == "identity" else "number"
        m = found[source].get((comparison, level), (None, None))[0] or 0.0
        joined[comparison, level] = (m, max(u or 0.0, floor))
        if comparison == "name":
            here = household.get((comparison, level), (None, None))[1] or 0.0
            here = here if agreeing <= _MOST_AGREEING else (u or 0.0)
            joined[comparison, f"household: {level}"] = (m, max(here, floor))
    return joined


def _prior(
    connection: duckdb.DuckDBPyConnection, first: definition.Model, everything: float
) -> float:
    links = scoring.compare(connection, first, "trained_on", None, lowest=-20.0)
    weight = links["weight"].to_numpy()
    prior = first.settings["probability_two_random_records_match"]
    evidence = weight - np.log2(prior / (1 - prior))
    return matching.prior(evidence, everything, prior, rounds=_ROUNDS)


@contextmanager
def _one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let DuckDB work alone: which rows several threads sample, no seed decides."""
    row = connection.execute("select current_setting('threads')").fetchone()
    connection.execute("set threads = 1")
    try:
        yield
    finally:
        connection.execute(f"set threads = {int(row[0]) if row else 1}")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Splink's messages, which may carry SQL, out of logs; our errors say what failed."""
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
