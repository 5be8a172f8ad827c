"""
Write docs/repair.md: what repair finds in published files, with nothing set by hand.

    python tools/repair_account.py FOLDER > docs/repair.md

FOLDER holds the as-is files of two provinces (data/real of the larger public sources).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from analytics.analysis.incidence import repair

FILES = {
    "Hubei": "hubei_daily_asis_canghailan.csv",
    "Guangdong": "guangdong_daily_asis_canghailan.csv",
}
HEAD = """# What repair finds in published files

Made by `python tools/repair_account.py`; do not edit. Input: the province's and its cities'
cumulative counts as published (canghailan/Wuhan-2019-nCoV, commit 0dfcac4, MIT), to the end
of May 2020 (Hubei) and of April 2020 (Guangdong). Nothing is set by hand: both run with the
same defaults, no region table and no declared change of definition. "Undecided" means that
the evidence allows no answer: the published rows then stand on the likeliest day, or as
stamped if none is likely, and are flagged.

How each correction is made is told in `analytics.analysis.incidence` (`areas`, `lag`, `gaps`,
`steps`, `repair`). Counts are never changed, only put on their day; what is spread or taken
back is incidence, and its sum stays the last published count.
"""


def account(name: str, rows: pd.DataFrame) -> str:
    """One province's corrections as markdown."""
    found = repair.repair(rows)
    listed = found.corrections
    lines = [f"\n## {name}\n", "| kind | corrections | undecided | cases or rows |", "|-|-|-|-|"]
    for kind, some in listed.groupby("kind", sort=False):
        undecided = int((~some["decided"].astype(bool)).sum())
        amount = "" if kind == "reporting_lag" else f"{some['amount'].sum():.0f}"
        lines.append(f"| {kind} | {len(some)} | {undecided} | {amount} |")
    left = found.residual.dropna(subset=["residual"])
    for series, some in left.groupby("series", sort=False):
        days = int((some["residual"] != 0).sum())
        lines.append(
            f"\nLeft unexplained, {series}: areas and unassigned differ from the province on "
            f"{days} of {len(some)} days, by {some['residual'].abs().sum():.0f} case-days in all."
        )
    lines += ["", "| series | area | kind | days | amount | reason | evidence |", "|" + "-|" * 7]
    for row in listed.to_dict("records"):
        first, last = row["first_date"], row["last_date"]
        span = f"{first:%m-%d}" if first == last else f"{first:%m-%d} … {last:%m-%d}"
        amount = "" if pd.isna(row["amount"]) else f"{row['amount']:.0f}"
        area = " ".join(dict.fromkeys(part for part in (row["adcode"], row["name"]) if part))
        lines.append(
            f"| {row['series']} | {area} | {row['kind']} | {span} | {amount} "
            f"| {row['reason']} | {row['evidence']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the whole account to standard output."""
    folder = Path(sys.argv[1])
    parts = [HEAD]
    for name, file in FILES.items():
        rows = pd.read_csv(folder / file, dtype={"cityCode": str, "provinceCode": str})
        parts.append(account(name, rows))
    sys.stdout.write("".join(parts))


if __name__ == "__main__":
    main()
