"""
The steps of one day, each across the floors below: link, screen, push, place.

The command line runs each alone; a replay runs all of them, day after day.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from analytics import engine
from analytics import study as studies
from analytics.codes import Purpose
from analytics.errors import WorkbenchError
from analytics.privacy import audit, vault
from analytics.privacy.purposes import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from concurrent.futures import Future

    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from analytics.analysis.resettlement import Plan
    from analytics.loop.findings import Found
    from analytics.loop.push import Pushed
    from analytics.pool.linkage.sealed import Linked
    from analytics.privacy.keys import Ring
    from analytics.study import Study

LINKER, SCREENER = "keeper", Reader("epidemiologist", Purpose.SCREENING)
FEEDS: Final = (
    "cases", "fever_visits", "tests", "contacts", "quarantine", "declarations",
    "checkpoint_passes", "community_registration", "resident_register", "placements", "tickets",
    "cluster_events",
)  # fmt: skip
"""What screening and the search for clusters read."""
SCREENED: Final = ("persons", "trace", "graph", "clusters", "members", "indicators")
"""What screening gives: one row a person, the trace of why, contacts over two generations, clusters
and their members, and how contact tracing does (with its denominators)."""


def link(
    study: Study, ring: Ring, *, train: bool = False, memory: int = 6144,
    at: datetime | None = None,
) -> Linked:  # fmt: skip
    """
    Give each person one key across departments, sealed in the vault.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
    train : bool
        Train the model first.
    memory : int
        Of the engine [MB].
    at : datetime, optional
        Answers of the field that came later are not looked at; now without it.

    Returns
    -------
    Linked
        What the field answered about pairs, and an approved threshold, went before the model.

    Raises
    ------
    WorkbenchError
        If it needs more memory; what was linked before stands as it was.
    """
    import duckdb

    from analytics.loop import feedback, ledger, thresholds
    from analytics.pool.linkage.sealed import link_study

    log = study.state / "audit.jsonl"
    audit.record(log, "link.begin", study.name, role=LINKER, counts={"train": int(train)})
    moment = at or datetime.now(studies.ZONE)
    approved = thresholds.approved(study, "linkage", moment)
    outcomes = feedback.outcomes(*ledger.known(study, moment))
    try:
        done = link_study(
            study,
            ring,
            train=train,
            memory_limit_mb=memory,
            threshold=approved[-1][1] if approved else None,
            decided=feedback.decided_pairs(outcomes),
        )
    except duckdb.OutOfMemoryException:
        raise WorkbenchError(
            f"linking study '{study.name}' needs more than {memory} MB",
            remedy="give it more with --memory; what was linked before stands as it was",
        ) from None
    counts = {
        "deliveries": done.originals.deliveries,
        "records": done.night.accepted,
        "persons": done.persons,
        "review": done.night.review,
    }
    audit.record(log, "link", study.name, role=LINKER, counts=counts)
    return done


def screen(
    study: Study, ring: Ring, day: date, *, memory: int = 4096,
    wanted: Collection[str] = SCREENED,
) -> dict[str, pa.Table]:  # fmt: skip
    """
    Put every linked person into one category of management, with the trace of why.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
    day : date
        Known by 24:00 of it.
    memory : int
        Of the engine [MB].
    wanted : collection of str
        Of `SCREENED`; another process may make the others meanwhile.

    Returns
    -------
    dict of str to pyarrow.Table
        What was wanted, as sealed in the vault under ``screening/<day>/…``.
    """
    from analytics.analysis import clusters, screening
    from analytics.loop import feedback, ledger
    from analytics.pool import linked

    connection = engine.connect(memory=f"{memory}MB")
    try:
        at = studies.moment(day)
        tables = linked.read(study, at, SCREENER, ring, connection, feeds=FEEDS)
        protocols = screening.load()
        found = screening.screen(tables, protocols, day)
        said = feedback.decided_clusters(feedback.outcomes(*ledger.known(study, at)))
        answered = connection.create_table("answered", said, temp=True)
        grouped = clusters.find(tables, clusters.load(), day, answered)
        made: dict[str, Callable[[], ir.Table]] = {
            "persons": lambda: found.persons,
            "trace": lambda: found.trace,
            "graph": lambda: screening.graph(tables, protocols, day),
            "clusters": lambda: grouped.clusters,
            "members": lambda: grouped.members,
            "indicators": lambda: screening.indicators(tables, protocols, day),
        }
        rows = {name: engine.rows(made[name](), connection) for name in SCREENED if name in wanted}
    finally:
        connection.disconnect()
    for name, held in rows.items():
        where = f"screening/{day.isoformat()}/{name}"
        vault.seal_table(study.state / "vault", held, where, day, ring, anew=True)
    audit.record(
        study.state / "audit.jsonl", "screen", study.name, role=SCREENER.role,
        purpose=SCREENER.purpose, counts={name: held.num_rows for name, held in rows.items()},
    )  # fmt: skip
    return rows


def totals(persons: pa.Table) -> pa.Table:
    """Count screened persons by county and category."""
    from analytics.analysis import screening

    connection = engine.connect()
    try:
        held = connection.create_table("screened", persons, temp=True)
        return engine.rows(screening.totals(held), connection)
    finally:
        connection.disconnect()


def push(
    study: Study, ring: Ring, moment: datetime, *, seed: int = 0,
    asked: Mapping[str, Future[Found]] | None = None,
) -> Pushed:  # fmt: skip
    """
    Push what was found to the lists of the teams that check it.

    Parameters
    ----------
    study : Study
        Its roster says for which duties there are teams.
    ring : keys.Ring
    moment : datetime
        As known then.
    seed : int
        Of the random check.
    asked : mapping of str to Future, optional
        Duty to what :func:`ask` gives for it in another process; all others are asked for here.

    Returns
    -------
    Pushed
        Counts; the same call again pushes nothing.
    """
    import pyarrow as pa

    from analytics.loop import findings, inquiries, roster, thresholds
    from analytics.loop import push as pushing

    known = roster.duties(study)
    found = [findings.handed_over(study)]
    if findings.RECORDS in known:
        found.append(findings.rejects(study, moment))
    if findings.PAIRS in known:
        threshold = thresholds.value(study, "linkage", 0.5, moment)
        found.append(findings.linkage_review(study, ring, threshold))
    frames = [_frame(study)]
    asking, apart = [duty for duty in inquiries.BY_DUTY if duty in known], asked or {}
    here = {d: inquiries.BY_DUTY[d](study, ring, moment) for d in asking if d not in apart}
    for duty in asking:
        answer = here[duty] if duty in here else apart[duty].result()
        found.append(answer.findings)
        frames.append(answer.frame)
    frame = pa.concat_tables(frames, promote_options="default")
    return pushing.push(study, findings.together(found), ring, moment, frame=frame, seed=seed)


def ask(name: str, duty: str, moment: datetime) -> Found:
    """
    Ask for one duty, in a process that reads the study and its keys itself.

    Parameters
    ----------
    name : str
        Of the study.
    duty : str
        Of `inquiries.BY_DUTY`.
    moment : datetime
        As known then.
    """
    from analytics.loop import inquiries
    from analytics.privacy import keys

    return inquiries.BY_DUTY[duty](studies.load(name), keys.load(name), moment)


def _frame(study: Study) -> Any:
    """People that no rule flagged, as analyses left them for the draw."""
    import pyarrow.parquet as pq

    from analytics.loop.findings import FRAME

    path = study.state / "findings" / "frame" / "unflagged.parquet"
    return pq.read_table(path) if path.is_file() else FRAME.empty_table()


def place(
    study: Study, day: date, *, opened: tuple[str, ...] = (), closed: tuple[str, ...] = (),
    roads: pd.DataFrame | None = None, seconds: int = 60,
) -> Plan:  # fmt: skip
    """
    Place everyone known to be stranded, some sites opened or closed.

    Parameters
    ----------
    study : Study
    day : date
        Known by 24:00 of it.
    opened, closed : tuple of str
        Sites.
    roads : DataFrame, optional
        ``county, site, distance_km`` where known.
    seconds : int
        Longest time of the solver.

    Returns
    -------
    Plan
    """
    from analytics.analysis import resettlement
    from analytics.pool import stranded

    connection = engine.connect()
    try:
        found = stranded.read(study, studies.moment(day), connection)
        rows = resettlement.register(found.known, day, study.region)
        register = engine.collect(rows, connection)
    finally:
        connection.disconnect()
    return resettlement.place(
        register, found.sites, found.rooms, found.places, opened=opened, closed=closed,
        roads=roads, seconds=seconds,
    )  # fmt: skip
