"""
Write docs/replay.md from the accounts of replays under reports/.

Each folder ``reports/replay*`` that was played to its end gives a column; nothing in the page is
written by hand. `make replay` calls it.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "replay.md"
LARGEST = 10_000_000
HEAD = """# The replay

`make replay` plays the whole command on a simulated province, day by day: departments deliver, on
time, late and wrong; deliveries are pooled, people linked, screened and placed; lists go out under
a password, are filled in by simulated teams and come back; thresholds are approved, reports
published; faults strike on chosen days. Killed, it goes on where it was; its report is `replay`.

What follows is written by `tools/replay_account.py` from the accounts of the runs. People, cases
and answers are invented; [Simulation](simulation.md) says what it does not hold.
"""


def accounts(folders: list[Path]) -> list[dict[str, Any]]:
    """Read the accounts of replays, smallest first."""
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for folder in folders
        for path in sorted((folder / "home").glob("*/replay/account.json"))
    ]
    return sorted(found, key=lambda one: int(one["plan"]["people"]))


def page(runs: list[dict[str, Any]]) -> str:
    """Lay the page out."""
    parts = [HEAD, *(_whole(runs), _growth(runs), _steps(runs), _found(runs), _waits(runs),
                     _policies(runs), _forecasts(runs), _faults(runs))]  # fmt: skip
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join([*parts, f"\nMeasured on {machine}.\n"])


def _spent(run: dict[str, Any]) -> list[float]:
    return [float(day["wall"]) for day in run["days"]]


def _whole(runs: list[dict[str, Any]]) -> str:
    rows = []
    for run in runs:
        spent, counts = _spent(run), [day["counts"] for day in run["days"]]
        faults = [one for day in run["days"] for one in day["faults"]]
        rows.append([
            f"{run['plan']['people']:,}", f"{run['plan']['first']} to {run['plan']['last']}",
            f"{sum(c['deliveries'] for c in counts):,}", f"{sum(c['accepted'] for c in counts):,}",
            f"{sum(c['pushed'] for c in counts):,}", f"{sum(c['answers'] for c in counts):,}",
            str(run["lost"]["people"]), str(run["lost"]["rows"]),
            f"{sum(run['lost']['leaks'].values())} in {run['lost']['files_searched']:,} files",
            f"{sum(f['withstood'] for f in faults)} of {len(faults)}",
            f"{sum(c.get('reports', 0) for c in counts):,}",
            str(sum(c.get("reports_failed", 0) for c in counts)),
            f"{sum(spent) / 60:.1f} min", f"{max(d['memory_mb'] for d in run['days']):,.0f} MB",
            f"{run['days'][-1]['disk_mb']:,.0f} MB",
        ])  # fmt: skip
    return _table("What it gave", [
        "residents", "days", "deliveries", "rows kept", "rows pushed", "answers", "people lost",
        "rows lost", "numbers leaked", "faults withstood", "reports", "reports failed",
        "time of its days", "peak memory", "disk",
    ], rows)  # fmt: skip


def _growth(runs: list[dict[str, Any]]) -> str:
    """Tell how a day's time, memory and disk grow with residents, and what that foretells."""
    if len(runs) < 2:  # noqa: PLR2004 - a line needs two points
        return ""
    common = min(len(run["days"]) for run in runs)
    sizes = [int(run["plan"]["people"]) for run in runs]
    measures = [
        (
            sum(_spent(run)[:common]) / common,
            max(float(day["memory_mb"]) for day in run["days"][:common]),
            float(run["days"][common - 1]["disk_mb"]) / common,
        )
        for run in runs
    ]
    rows = [
        [f"{size:,}", "measured", *(f"{value:,.0f}" for value in measure)]
        for size, measure in zip(sizes, measures, strict=True)
    ]
    size = sizes[-1] * 10
    while size <= LARGEST:
        share = (size - sizes[-1]) / (sizes[-1] - sizes[-2])
        beyond = [b + (b - a) * share for a, b in zip(measures[-2], measures[-1], strict=True)]
        rows.append([f"{size:,}", "extrapolated", *(f"{value:,.0f}" for value in beyond)])
        size *= 10
    table = _table(
        f"How a day grows with residents (first {common} days of each run)",
        ["residents", "", "seconds a day", "peak memory [MB]", "disk a day [MB]"], rows,
    )  # fmt: skip
    return table + (
        "\nExtrapolated along the line through the two largest runs; what grows faster than its "
        "input, or no longer\nfits into memory, would show only in a run. Seconds are elapsed: a "
        "run that shared its machine\nwith other work tells more than it needs.\n"
    )


def _steps(runs: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(n for run in runs for day in run["days"] for n in day["seconds"]))
    rows = []
    for name in names:
        means = [
            sum(day["seconds"].get(name, 0) for day in run["days"]) / len(run["days"])
            for run in runs
        ]
        rows.append([name, *(f"{mean:.1f}" for mean in means)])
    heads = ["step", *(f"{run['plan']['people']:,} residents" for run in runs)]
    return _table("Seconds a day, by step (mean)", heads, rows)


def _found(runs: list[dict[str, Any]]) -> str:
    rows = [
        [f"{run['plan']['people']:,}", row["category"], str(row["persons"]), _said(row["median"])]
        for run in runs
        for row in run["found"]
    ]
    heads = ["residents", "found first as", "persons", "days from onset (median)"]
    return _table("Who fell ill in the span, and when screening found them", heads, rows)


def _waits(runs: list[dict[str, Any]]) -> str:
    rows = [
        [f"{run['plan']['people']:,}", f"bed: {row['ended']}", str(row["persons"]),
         _said(row["median"]), _said(row["upper"])]
        for run in runs for row in run["beds"]
    ] + [
        [f"{run['plan']['people']:,}", f"code: {row['outcome']}", str(row["appeals"]),
         _said(row["median"]), _said(row["upper"])]
        for run in runs for row in run["appeals"]
    ]  # fmt: skip
    heads = ["residents", "what", "persons", "days (median)", "90 % within"]
    return _table("How long people waited", heads, rows)


def _policies(runs: list[dict[str, Any]]) -> str:
    rows = [
        [f"{run['plan']['world_people']:,}", row["policy"].replace("_", " "), row["measure"],
         _said(row["mean"]),
         f"{_said(row['difference'])} ({_said(row['low'])} to {_said(row['high'])})",
         str(row["seeds"])]
        for run in [run for run in runs if run["policies"]][-1:]
        for row in run["policies"]
    ]  # fmt: skip
    heads = ["residents", "policy", "measure", "mean", "difference (95 % interval)", "seeds"]
    table = _table("Other policies over the span", heads, rows)
    return table + (
        "\nThe same people, transmission and draws; the channel alone differs. Only residents of "
        "Wuhan travel;\ninfections they cause outside the province are not followed, nor is what a "
        "full stop costs people.\n"
    )


def _forecasts(runs: list[dict[str, Any]]) -> str:
    rows = []
    for run in runs:
        for ahead in sorted({row["days"] for row in run["forecasts"]}):
            own = [r for r in run["forecasts"] if r["days"] == ahead and r["repeated"]]
            if not own:
                continue
            ratio = sum(r["score"] for r in own) / max(sum(r["repeated"] for r in own), 1e-9)
            inside = sum(r["coverage"] for r in own) / len(own)
            rows.append([f"{run['plan']['people']:,}", str(ahead), str(len(own)), f"{ratio:.2f}",
                         f"{inside:.0%}"])  # fmt: skip
    heads = ["residents", "days ahead", "forecasts", "interval score, last week repeated = 1",
             "inside the 95 % interval"]  # fmt: skip
    return _table("Forecasts once their days had come", heads, rows)


def _faults(runs: list[dict[str, Any]]) -> str:
    rows = [
        [f"{run['plan']['people']:,}", day["day"], one["fault"].replace("_", " "), one["seen"],
         "yes" if one["withstood"] else "**no**"]
        for run in runs for day in run["days"] for one in day["faults"]
    ]  # fmt: skip
    return _table("Faults", ["residents", "day", "fault", "seen", "withstood"], rows)


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}".removesuffix(".0")


def _table(title: str, heads: list[str], rows: list[list[str]]) -> str:
    lines = [f"\n## {title}\n", "| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "reports").glob("replay*"))
    known = accounts(given)
    if not known:
        sys.exit("no replay was played to its end under reports/: run `workbench replay`")
    TARGET.write_text(page(known), encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {len(known)} replays")
