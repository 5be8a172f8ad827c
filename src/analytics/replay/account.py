"""What a replay gave, drawn up from its days, its archive and the truth, for its report."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analytics import engine
from analytics import study as studies
from analytics.loop import feedback, ledger, targets
from analytics.pool import archive
from analytics.privacy import disk
from analytics.replay import forecasts, leaks, policies, truths
from analytics.simulation import truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from analytics.replay.plan import Plan
    from analytics.study import Study

_SEARCHED: Final = ("archive", "receipts", "originals", "loop", "linkage", "findings", "published")


def draw_up(
    plan: Plan, folder: Path, study: Study, say: Callable[[str], None],
    running: Future[pd.DataFrame],
) -> Path:  # fmt: skip
    """
    Draw up the account of a replay whose days are all played.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Of the replay.
    study : Study
        At the replay's home.
    say : callable
        Told how it goes.
    running : Future
        What :func:`policies_of` gives, in another process.

    Returns
    -------
    Path
        ``<state>/replay/account.json``, which the report ``replay`` reads; every count of
        people in it is of a simulated province.
    """
    days = folder / "days"
    records = [json.loads((days / f"{day}.json").read_text("utf-8")) for day in plan.days]
    say("looking for numbers of people in what was written")
    places = [study.state / name for name in _SEARCHED if (study.state / name).is_dir()]
    read, leaking = leaks.search([*places, folder / "pages", days], truths.numbers(study))
    outcomes = feedback.outcomes(*ledger.known(study, studies.moment(plan.last)))
    runs = running.result()
    said = {
        "plan": json.loads(plan.model_dump_json()),
        "days": records,
        "found": _rows(truths.found(study, _kept(plan, days, "found"), plan.first)),
        "beds": _rows(_beds(_kept(plan, days, "beds"))),
        "appeals": _rows(_appeals(study, plan.last)),
        "forecasts": _rows(forecasts.errors(study, _kept(plan, days, "forecast"), plan.last)),
        "rules": _rows(feedback.precision(outcomes, ["rule"])),
        "rules_by_week": _rows(_by_week(feedback.precision(outcomes, ["rule", "date"]))),
        "teams": _rows(targets.by_team(targets.standing(study, studies.moment(plan.last)))),
        "policies": _rows(policies.gains(runs)) if len(runs) else [],
        "scale": policies.scale(study, plan.world_people),
        "lost": {
            "people": sum(_unaccounted(record["counts"]) for record in records),
            "rows": _rows_lost(study, plan.last),
            "leaks": leaking,
            "files_searched": read,
        },
    }
    path = study.state / "replay" / "account.json"
    disk.make_private(path.parent)
    disk.replace(path, (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode())
    return path


def read(study: Study) -> dict[str, Any] | None:
    """Read the account of a study's replay; None where none was played to its end."""
    path = study.state / "replay" / "account.json"
    if not path.is_file():
        return None
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return said


def policies_of(plan: Plan, folder: Path, study: Study) -> pd.DataFrame:
    """
    Run the other policies, or read what they gave.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Of the replay, where what they gave is kept.
    study : Study
        Its published figures are in its archive.

    Returns
    -------
    pandas.DataFrame
        As `policies.compare` gives; empty where the plan asks for no worlds.
    """
    path = folder / "policies.parquet"
    if path.is_file():
        return pd.read_parquet(path)
    if not plan.worlds:
        return pd.DataFrame()
    seeds = range(plan.seed, plan.seed + plan.worlds)
    runs = policies.compare(
        study, plan.world_people, seeds, (plan.first, plan.last), controlled=plan.scenario
    )
    disk.replace(path, runs.to_parquet())
    return runs


def _kept(plan: Plan, days: Path, name: str) -> list[tuple[date, Path]]:
    """Tables of one name, day by day."""
    every = [(day, days / f"{day}.{name}.parquet") for day in plan.days]
    return [(day, path) for day, path in every if path.is_file()]


def _beds(days: Sequence[tuple[date, Path]]) -> pd.DataFrame:
    """People by how their wait for a bed ended, and how many days it took."""
    columns = ["ended", "persons", "median", "upper"]
    if not days:
        return pd.DataFrame(columns=columns)
    seen = [pq.read_table(path).to_pandas().assign(day=pd.Timestamp(day)) for day, path in days]
    every = pd.concat(seen, ignore_index=True)
    first = every.groupby("person")["day"].min()
    ends = every[every["status"].isin(["placed", "referred"])].sort_values(["day", "status"])
    ends = ends.drop_duplicates("person").set_index("person")
    frame = pd.DataFrame({"first": first}).join(ends)
    frame["ended"] = frame["status"].fillna("waiting")
    frame["days"] = (frame["day"] - frame["first"]).dt.days
    grouped = frame.groupby("ended")["days"]
    table = pd.DataFrame({
        "persons": frame.groupby("ended").size(), "median": grouped.median(),
        "upper": grouped.quantile(0.9),
    })  # fmt: skip
    return table.reset_index()[columns]


def _appeals(study: Study, last: date) -> pd.DataFrame:
    """Appeals against codes by outcome, and how many days a decision took."""
    connection = engine.connect()
    try:
        moment = studies.moment(last)
        known = archive.as_of(study.state / "archive", moment, connection, feeds=("code_appeals",))[
            "code_appeals"
        ]
        rows = engine.collect(known.select("filed", "decided", "outcome"), connection)
    finally:
        connection.disconnect()
    rows["outcome"] = rows["outcome"].fillna("pending")
    rows["days"] = (rows["decided"] - rows["filed"]).dt.total_seconds() / 86400
    grouped = rows.groupby("outcome")["days"]
    table = pd.DataFrame({
        "appeals": rows.groupby("outcome").size(), "median": grouped.median(),
        "upper": grouped.quantile(0.9),
    })  # fmt: skip
    return table.reset_index()


def _by_week(precision: pd.DataFrame) -> pd.DataFrame:
    """Precision of each rule by the week of the push."""
    if precision.empty:
        return precision
    week = pd.to_datetime(precision["date"]).dt.to_period("W").dt.start_time.dt.date.astype(str)
    grouped = precision.assign(week=week).groupby(["rule", "week"])
    table = grouped[["pushed", "verified", "confirmed"]].sum().reset_index()
    table["precision"] = table["confirmed"] / table["verified"].where(table["verified"] > 0)
    low, high = feedback.wilson(table["confirmed"], table["verified"])
    return table.assign(low=low, high=high)


def _unaccounted(counts: dict[str, int]) -> int:
    """People and rows of a day that no part of its balances holds."""
    rows = counts["rows_pushed"] - sum(
        counts[f"rows_{name}"] for name in ("verified", "outstanding", "returned")
    )
    people = counts["stranded"] - sum(
        counts.get(f"stranded_{name}", 0) for name in ("placed", "referred", "waiting")
    )
    return abs(rows) + abs(people)


def _rows_lost(study: Study, last: date) -> int:
    """Rows of whole deliveries that the archive's account does not hold, kept or set aside."""
    schedule = pq.read_table(truth.folder(study) / "schedule.parquet")
    entries = pd.DataFrame(
        [
            {"feed": e.feed, "date": e.date.isoformat(), "part": e.file.count(".") > 1,
             "rows": e.accepted + e.quarantined + e.duplicates}
            for e in archive.entries(study.state / "archive")
            if not e.refused
        ],
        columns=["feed", "date", "part", "rows"],
    )  # fmt: skip
    found = ledger.query(
        """
        select coalesce(sum(abs(s.rows - coalesce(h.rows, 0))), 0)::bigint as lost
        from schedule s
        left join (select feed, date, max(rows) as rows from held group by all) h
            on h.feed = s.feed and h.date = s.date
        where s.fault in ('', 'late') and s.delivered <= $end
        """,
        {"end": studies.moment(last).isoformat()},
        schedule=schedule, held=pa.Table.from_pandas(entries, preserve_index=False),
    )  # fmt: skip
    return int(found["lost"][0].as_py())


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON holds them; what is missing as null."""
    plain = table.astype(object).where(table.notna(), None)
    rows: list[dict[str, Any]] = json.loads(plain.to_json(orient="records", date_format="iso"))
    return rows
