"""Writes docs/agreement.md: our grades beside the official lists, every disagreement named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from analytics import study as studies
from analytics.analysis import incidence, risk
from analytics.pool import figures as staged
from analytics.pool import published
from analytics.render.risk.comparison import explanation
from analytics.render.risk.words import rows

DAYS = (date(2020, 2, 28), date(2020, 3, 3), date(2020, 3, 12))
PAGE = Path(__file__).parents[2] / "docs" / "agreement.md"


def text() -> str:
    """Page of all comparable days, plain and retrospective."""
    study = studies.load("hubei-2020")
    staged.bring(study)
    figures = published.read(study)
    steps = incidence.daily(figures.counts, study.definition_changes)
    lines = [
        "# Agreement with the official lists",
        "",
        "Made from `data/hubei-2020` by `python tests/golden/agreement.py`; a test keeps it true.",
        "Score: 0 is what every grade for every unit earns, 1 a single right grade everywhere.",
        "RPS: ranked probability score of the uniform distribution over the set.",
        "",
        (
            "| as of | variant | units | official grade among ours | single | single and right "
            "| mean set | score | RPS | RPS skill |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    apart = []
    for day in DAYS:
        for variant, later in (("as known", None), ("retrospective", figures.county_cumulative)):
            units = risk.units(figures.areas, study.unit_on(day))
            grades = risk.grade(steps, units, study.grading, day, later=later)
            table = risk.agreement(grades, risk.in_force(figures.grades, day))
            s = risk.score(table)
            lines.append(
                f"| {day} | {variant} | {s.units} | {s.contained} | {s.single} | {s.single_right} "
                f"| {s.mean_size:.2f} | {s.skill:.3f} | {s.ranked_probability_score:.3f} "
                f"| {s.ranked_probability_skill:.3f} |"
            )
            differing = table[table["disagreement"] != ""]
            apart.append(f"\n## {day}, {variant}: {len(differing)} disagreements\n")
            apart += [
                f"- {row.adcode} {row.name_zh} ({row.name_en}): ours {row.grades}, "
                f"official {row.official}. {explanation(row, study.grading).en}"
                for row in rows(differing)
            ] or ["None: the official grade of every unit is among ours."]
            apart += ["", "| grades left | official low | medium | high |", "|---|---|---|---|"]
            crossed = table.groupby(["grades", "official"]).size().unstack(fill_value=0)
            crossed = crossed.reindex(columns=["low", "medium", "high"], fill_value=0)
            apart += [
                f"| {str(name).replace('|', ', ')} | {row.low} | {row.medium} | {row.high} |"
                for name, row in crossed.iterrows()
            ]
    return "\n".join([*lines, *apart, ""])


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
