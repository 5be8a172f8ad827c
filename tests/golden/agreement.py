"""Writes docs/agreement.md: our grades beside the official lists, every disagreement named."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from analytics import study as studies
from analytics.analysis import incidence, risk
from analytics.pool import boundaries, published
from analytics.pool import figures as staged
from analytics.render.risk.comparison import explanation
from analytics.render.risk.words import rows
from analytics.study import GradeUncertainty, Study

PAGE = Path(__file__).parents[2] / "docs" / "agreement.md"
SETS = """# Agreement with the official lists

Made from `data/hubei-2020` by `python tests/golden/agreement.py`; a test keeps it true. Every
list in `official_grades.csv` is held against what our grades of that day say.

## Sets of grades

Score: 0 is what every grade for every unit earns, 1 a single right grade everywhere.
RPS: ranked probability score of the uniform distribution over the set.

| as of | variant | units | official grade among ours | single | single and right | mean set \
| score | RPS | RPS skill |
|---|---|---|---|---|---|---|---|---|---|"""
CHANCES = """
## Probabilities of grades

RPS: half the sum over the two cuts of the squared difference of cumulative probabilities; smaller
is better. Accuracy: the likeliest grade is the list's. Spearman: of the expected grade with the
list's printed order of severity (grade, then place in it; units without a printed place share the
middle one). "Counts only" knows the prefectures' counts by that day, areas, and residents (of
the census of November 2020: counted later, but not of the epidemic). "With
the list before" knows the last official list of an earlier day besides. "Retrospective" knows the
counties' cumulative cases of mid-March and later. No parameter was fitted to a list: elasticity
and spread of shares come from the prefectures by 10 February 2020, before the rule itself; the
rate of clusters from a published count in two other provinces; the dispersion of new cases about
shares from the prefectures' fortnight to 28 February (see `study.toml`); the error of the list is a
round prior, and the table after the next shows what they do. That the
lists were in view while the model was written cannot be undone; lists not in this folder are the
fair test.

"Majority" knows the list. "Prefecture's rule": its window and total, a cluster wherever there was
a new case. "Poisson": counts by residents' shares, the same rule on top. "List before": its
grades carried on.

| as of | forecast | units | accuracy | RPS | Spearman |
|---|---|---|---|---|---|"""
NAMES = {
    "majority": "majority grade",
    "prefecture": "prefecture's rule",
    "poisson": "Poisson by residents",
    "last_list": "list before, carried on",
}
CHOICES: dict[str, dict[str, float]] = {
    "as in the study": {},
    "shares by residents": {"density_elasticity": 0.0},
    "spread of shares 0.3": {"share_spread": 0.3},
    "spread of shares 1": {"share_spread": 1.0},
    "dispersion 0.5": {"window_dispersion": 0.5},
    "dispersion 1": {"window_dispersion": 1.0},
    "dispersion 5": {"window_dispersion": 5.0},
    "0.1 clusters a case": {"cluster_rate": 0.1},
    "0.3 clusters a case": {"cluster_rate": 0.3},
    "error of the list 0.02": {"list_error": 0.02},
}


class Ground:
    """What every comparison of a study stands on."""

    def __init__(self, study: Study) -> None:
        staged.bring(study)
        self.study, self.figures = study, published.read(study)
        self.steps = incidence.daily(self.figures.counts, study.definition_changes)
        self.extent = boundaries.extent(study)
        found = pd.to_datetime(self.figures.grades["as_of"]).unique()
        self.days = sorted(pd.Timestamp(day).date() for day in found)
        self.graded: dict[tuple[date, bool], pd.DataFrame] = {}

    def shares(self, uncertainty: GradeUncertainty, *, later: bool = False) -> pd.DataFrame:
        state = self.figures.county_cumulative if later else None
        population = self.figures.population
        return risk.shares(self.figures.areas, population, uncertainty, state, self.extent)

    def units(self, day: date) -> pd.DataFrame:
        return risk.units(self.figures.areas, self.study.unit_on(day))

    def lists(self, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """List of a day, and the one before it."""
        lists = self.figures.grades
        return risk.in_force(lists, day), risk.in_force(lists, day - timedelta(days=1))

    def sets(self, day: date, *, later: bool = False) -> pd.DataFrame:
        if (day, later) not in self.graded:
            state = self.figures.county_cumulative if later else None
            self.graded[day, later] = risk.grade(
                self.steps, self.units(day), self.study.grading, day, later=state
            )
        return self.graded[day, later]

    def chances(
        self,
        day: date,
        uncertainty: GradeUncertainty,
        *,
        later: bool = False,
        listed: bool = False,
    ) -> pd.DataFrame:
        return risk.probability(
            self.sets(day, later=later),
            self.steps,
            self.units(day),
            self.shares(uncertainty, later=later),
            self.study.grading,
            uncertainty,
            earlier=self.lists(day)[1] if listed else None,
        )


def scored(name: str, day: date, forecast: pd.DataFrame, official: pd.DataFrame) -> str:
    """One line of the table of probabilities."""
    s = risk.score_probabilities(forecast, official)
    spearman = "—" if pd.isna(s.spearman) else f"{s.spearman:.2f}"
    return (
        f"| {day} | {name} | {s.units} | {s.accuracy:.3f} | {s.ranked_probability_score:.3f} "
        f"| {spearman} |"
    )


def chances(ground: Ground) -> list[str]:
    """Probabilities beside baselines, their reliability and what the choices do."""
    own = ground.study.grade_uncertainty
    lines, pairs = [CHANCES], []
    for day in ground.days:
        official, before = ground.lists(day)
        simple = risk.baselines(
            ground.steps,
            ground.units(day),
            ground.shares(GradeUncertainty()),
            ground.study.grading,
            official,
            before,
        )
        lines += [scored(NAMES[name], day, table, official) for name, table in simple.items()]
        for later in (False, True):
            for listed in (False, True) if len(before) else (False,):
                table = ground.chances(day, own, later=later, listed=listed)
                name = "retrospective" if later else "counts only"
                name = f"**{name}{', with the list before' if listed else ''}**"
                lines.append(scored(name, day, table, official))
                if not later and not listed:
                    pairs.append((table, official))
    lines += ["", "How often a grade came, by how likely it was said to be (counts only):", ""]
    lines += [
        "| grade | said between | units | said | came | 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.grade} | {r.lower:.0%} and {r.upper:.0%} | {r.units} | {r.said:.0%} | {r.came:.0%} "
        f"| {abs(r.least):.0%} to {r.most:.0%} |"
        for r in risk.reliability(pairs).itertuples()
    ]
    return lines + sensitive(ground)


def sensitive(ground: Ground) -> list[str]:
    """RPS of each day under other choices."""
    own = ground.study.grade_uncertainty
    head = [f"{day}{extra}" for day in ground.days for extra in ("", ", list before")]
    head = [name for name in head if not name.startswith(f"{ground.days[0]},")]
    lines = ["", "RPS under other choices, counts only and with the list before:", ""]
    lines += [f"| choice | {' | '.join(head)} |", f"|---{'|---' * len(head)}|"]
    for name, change in CHOICES.items():
        uncertainty = own.model_copy(update=change)
        cells = []
        for day in ground.days:
            official, before = ground.lists(day)
            for listed in (False, True) if len(before) else (False,):
                table = ground.chances(day, uncertainty, listed=listed)
                score = risk.score_probabilities(table, official).ranked_probability_score
                cells.append(f"{score:.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def text() -> str:
    """Page of all comparable days, plain and retrospective."""
    ground = Ground(studies.load("hubei-2020"))
    lines, apart = [SETS], []
    for day in ground.days:
        official, _ = ground.lists(day)
        for variant in ("as known", "retrospective"):
            grades = ground.sets(day, later=variant == "retrospective")
            table = risk.agreement(grades, official)
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
                f"official {row.official}. {explanation(row, ground.study.grading).en}"
                for row in rows(differing)
            ] or ["None: the official grade of every unit is among ours."]
            apart += ["", "| grades left | official low | medium | high |", "|---|---|---|---|"]
            crossed = pd.crosstab(table["grades"], table["official"])
            crossed = crossed.reindex(columns=["low", "medium", "high"], fill_value=0)
            apart += [
                f"| {str(name).replace('|', ', ')} | {row.low} | {row.medium} | {row.high} |"
                for name, row in crossed.iterrows()
            ]
    return "\n".join([*lines, *chances(ground), *apart, ""])


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
