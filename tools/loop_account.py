"""
Does feedback pay? Twenty simulated days of screening and linkage, with it, without, and null.

Each day's people and pairs of records get a score; those from the threshold on are flagged and
pushed, as many as teams can bear; some of the others are drawn at random. A simulated field
answers after a delay and errs at a known rate; the loop sees its answers only. Every day the
thresholds are worked out anew by `thresholds.recalibrate` and, in this experiment, approved at
once. The null field tosses coins. What is measured (precision of what was flagged, and pairwise F1
of clusters of records) is measured against the truth, which the loop never sees.

    .venv/bin/python tools/loop_account.py [SEEDS]

writes docs/loop-gain.svg, and the table between the marks in docs/loop.md and docs/loop.zh.md.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from analytics.loop import thresholds
from analytics.study import Threshold

DAYS: Final = 20
ARMS: Final = ("without", "feedback", "null")
ERROR, UNREACHED, DELAY = 0.05, 0.08, 1.5
_PEOPLE, _ENTITIES, _SAMPLE, _CAPACITY = 4000, 250, 60, 400
_BLOCK = 3  # persons whose records are compared with each other
_EVERY = 2  # days between two recalibrations
_LABEL = 14  # height of a line's label [px]
_LAST = 5  # days at the end that are compared

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass
class Answers:
    """Answers that have come back, and those still with the teams by the day they are due."""

    scores: list[float] = field(default_factory=list)
    true: list[bool] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    waiting: dict[int, deque[tuple[float, bool, float]]] = field(default_factory=dict)
    pushed: int = 0
    unreached: int = 0

    def push(self, day: int, asked: tuple[Floats, Bools, Floats], field_: np.random.Generator,
             *, null: bool) -> None:  # fmt: skip
        """Hand questions to the field: its errors and delays are drawn apart from all else."""
        scores, true, weights = asked
        size = len(scores)
        wrong = field_.random(size) < ERROR
        coin = field_.integers(0, 2, size).astype(bool)
        said = coin if null else true ^ wrong
        days = day + field_.geometric(1 / (1 + DELAY), size)
        met = field_.random(size) >= UNREACHED
        self.pushed += size
        self.unreached += int((~met).sum())
        for at, *answer in zip(days[met], scores[met], said[met], weights[met], strict=True):
            self.waiting.setdefault(int(at), deque()).append(
                (float(answer[0]), bool(answer[1]), float(answer[2]))
            )

    def receive(self, day: int) -> None:
        """Take in what is due."""
        for at in [d for d in self.waiting if d <= day]:
            for score, true, weight in self.waiting.pop(at):
                self.scores.append(score)
                self.true.append(true)
                self.weights.append(weight)

    def balanced(self) -> bool:
        """Whether nobody was lost: pushed = verified + outstanding + returned."""
        outstanding = sum(map(len, self.waiting.values()))
        return self.pushed == len(self.scores) + outstanding + self.unreached

    def proposal(self, current: Threshold) -> thresholds.Proposal:
        """Say what the answers so far suggest."""
        return thresholds.recalibrate(
            np.array(self.scores), np.array(self.true, bool), np.array(self.weights), current
        )


def screened(generator: np.random.Generator) -> tuple[Floats, Bools]:
    """One day's people: the rule's score, and who is truly what it looks for."""
    scores = generator.beta(2, 5, _PEOPLE)
    return scores, generator.random(_PEOPLE) < 1 / (1 + np.exp(-14 * (scores - 0.6)))


@dataclass(frozen=True)
class Pairs:
    """Pairs of records with their score; `entity` is who each record is about."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    scores: Floats
    entity: npt.NDArray[np.int64]

    @property
    def true(self) -> Bools:
        """Whether both records of a pair are about one person."""
        same: Bools = self.entity[self.left] == self.entity[self.right]
        return same


def paired(generator: np.random.Generator) -> Pairs:
    """One day's records, two to four a person, and pairs of one block of a few persons."""
    entity = np.repeat(np.arange(_ENTITIES), generator.integers(2, 5, _ENTITIES))
    left, right = np.triu_indices(len(entity), 1)
    near = entity[left] // _BLOCK == entity[right] // _BLOCK
    left, right = left[near], right[near]
    same = entity[left] == entity[right]
    scores = np.where(same, generator.beta(7, 3, len(left)), generator.beta(2, 5, len(left)))
    return Pairs(left, right, scores, entity)


def cluster_f1(pairs: Pairs, threshold: float) -> float:
    """Pairwise F1 of the clusters that links from a threshold on make."""
    size = len(pairs.entity)
    taken = pairs.scores >= threshold
    links = sparse.coo_array(
        (np.ones(int(taken.sum())), (pairs.left[taken], pairs.right[taken])), (size, size)
    )
    _, label = connected_components(links, directed=False)

    def together(*columns: npt.NDArray[Any]) -> float:
        _, count = np.unique(np.stack(columns), axis=1, return_counts=True)
        return float((count * (count - 1) / 2).sum())

    hit = together(label, pairs.entity)
    return 2 * hit / (together(label) + together(pairs.entity))


def run(seed: int, arm: str) -> pd.DataFrame:
    """
    Live through the days once.

    Parameters
    ----------
    seed : int
        People and pairs are the same in all arms of a seed; the field has a seed of its own.
    arm : {"without", "feedback", "null"}
        Whether thresholds follow the answers, and whether answers are worth anything.

    Returns
    -------
    pandas.DataFrame
        One row per day: ``precision``, ``recall`` and ``loss`` per person of screening, ``f1``
        of linkage, thresholds.
    """
    world, teams = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    screening = Threshold(rule="screening", value=0.35, miss=2)
    linkage = Threshold(rule="linkage", value=0.3)
    people, links = Answers(), Answers()
    rows = []
    for day in range(DAYS):
        scores, true = screened(world)
        pairs = paired(world)
        flagged = scores >= screening.value
        rows.append({
            "seed": seed, "arm": arm, "day": day + 1,
            "precision": true[flagged].mean() if flagged.any() else np.nan,
            "recall": true[flagged].sum() / max(true.sum(), 1),
            "loss": ((~true & flagged).sum() + screening.miss * (true & ~flagged).sum())
            / len(true),
            "f1": cluster_f1(pairs, linkage.value),
            "screening": screening.value, "linkage": linkage.value,
        })  # fmt: skip
        null = arm == "null"
        people.push(day, _asked(scores, true, flagged, teams), teams, null=null)
        links.push(day, _asked(pairs.scores, pairs.true, pairs.scores >= linkage.value, teams),
                   teams, null=null)  # fmt: skip
        for answers in (people, links):
            answers.receive(day)
            assert answers.balanced(), "somebody was lost"
        if arm != "without" and day % _EVERY:
            screening = replace_value(screening, people.proposal(screening))
            linkage = replace_value(linkage, links.proposal(linkage))
    return pd.DataFrame(rows)


def _asked(
    scores: Floats, true: Bools, flagged: Bools, teams: np.random.Generator
) -> tuple[Floats, Bools, Floats]:
    """Questions of a day: flagged ones as far as teams can bear, and a sample of the others."""
    first = np.flatnonzero(flagged)
    kept = teams.permutation(first)[:_CAPACITY]
    others = np.flatnonzero(~flagged)
    drawn = teams.permutation(others)[:_SAMPLE]
    weights = np.concatenate([
        np.full(len(kept), len(first) / max(len(kept), 1)),
        np.full(len(drawn), len(others) / max(len(drawn), 1)),
    ])  # fmt: skip
    every = np.concatenate([kept, drawn])
    return scores[every], true[every], weights


def replace_value(current: Threshold, proposal: thresholds.Proposal) -> Threshold:
    """Threshold after a proposal was approved; the same where none was made."""
    return current.model_copy(update={"value": proposal.proposed})


def compared(days: pd.DataFrame) -> pd.DataFrame:
    """
    Gain over the run without feedback, by seed, in the last days.

    Returns
    -------
    pandas.DataFrame
        One row per arm and measure: ``mean``, ``low``, ``high`` (95 % interval of the mean over
        seeds, Student's t) and ``gains`` (seeds in which it rose).
    """
    last = days[days["day"] > DAYS - _LAST]
    means = last.groupby(["arm", "seed"])[["precision", "recall", "loss", "f1"]].mean()
    rows = []
    for arm in ("feedback", "null"):
        before = pd.DataFrame(means.xs("without", level="arm"))
        gain = pd.DataFrame(means.xs(arm, level="arm")) - before
        for measure in gain.columns:
            rise = gain[measure].to_numpy(float)
            low, high = interval(rise)
            rows.append({"arm": arm, "measure": measure, "mean": rise.mean(), "low": low,
                         "high": high, "gains": int((rise > 0).sum()),
                         "before": before[measure].mean()})  # fmt: skip
    return pd.DataFrame(rows)


def interval(values: Floats) -> tuple[float, float]:
    """95 % interval of a mean, by Student's t."""
    from scipy import stats

    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def figure(days: pd.DataFrame) -> str:
    """Draw precision and F1 by day, mean over seeds with its interval, as SVG."""
    width, height, gap = 420, 260, 60
    colours = {"without": "#666666", "feedback": "#0b5394", "null": "#b45f06"}
    box = f"0 0 {2 * width + gap + 130} {height + 90}"
    space = "http://www.w3.org/2000/svg"
    parts = [f'<svg xmlns="{space}" viewBox="{box}" font-family="sans-serif" font-size="13">']
    for panel, (measure, title) in enumerate(
        (("precision", "Precision of screening"), ("f1", "Pairwise F1 of linkage"))
    ):
        left = 50 + panel * (width + gap)
        table = days.groupby(["arm", "day"])[measure]
        low_end, high_end = days.groupby(["arm", "day"])[measure].mean().agg(["min", "max"])
        low_end, high_end = np.floor(low_end * 10) / 10, np.ceil(high_end * 10) / 10

        def x(day: float, left: float = left) -> float:
            return left + (day - 1) / (DAYS - 1) * (width - 60)

        def y(value: float, low: float = low_end, high: float = high_end) -> float:
            return 40 + (1 - (value - low) / (high - low)) * height

        parts.append(f'<text x="{left}" y="22" font-weight="bold">{title}</text>')
        parts += [
            f'<line x1="{left}" x2="{left + width - 60}" y1="{y(tick):.1f}" '
            f'y2="{y(tick):.1f}" stroke="#dddddd"/><text x="{left - 6}" '
            f'y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.2f}</text>'
            for tick in np.linspace(low_end, high_end, 5)
        ]
        parts += [
            f'<text x="{x(day):.1f}" y="{height + 58}" text-anchor="middle">{day}</text>'
            for day in (1, 5, 10, 15, 20)
        ]
        ends: list[float] = []
        for arm in ARMS:
            seen = [interval(table.get_group((arm, day)).to_numpy()) for day in range(1, DAYS + 1)]
            middle = [(low + high) / 2 for low, high in seen]
            upper = " ".join(f"{x(d):.1f},{y(h):.1f}" for d, (_, h) in enumerate(seen, 1))
            lower = " ".join(
                f"{x(d):.1f},{y(low):.1f}" for d, (low, _) in reversed(list(enumerate(seen, 1)))
            )
            line = " ".join(f"{x(d):.1f},{y(m):.1f}" for d, m in enumerate(middle, 1))
            dash = {"without": "6 4", "null": "2 3"}.get(arm, "none")
            end = y(middle[-1])
            while any(abs(end - other) < _LABEL for other in ends):
                end += _LABEL
            ends.append(end)
            parts.append(
                f'<polygon points="{upper} {lower}" fill="{colours[arm]}" opacity="0.18"/>'
                f'<polyline points="{line}" fill="none" stroke="{colours[arm]}" '
                f'stroke-width="2" stroke-dasharray="{dash}"/><text x="{x(DAYS) + 6:.1f}" '
                f'y="{end + 4:.1f}" fill="{colours[arm]}">{arm}</text>'
            )
        parts.append(f'<text x="{left + (width - 60) / 2}" y="{height + 78}" '
                     'text-anchor="middle">day</text>')  # fmt: skip
    return "\n".join([*parts, "</svg>"]) + "\n"


_SAID: Final = {
    "precision": ("precision of what was flagged", "标记的准确率"),
    "f1": ("F1 of clusters of records", "记录成组的 F1"),
    "loss": ("stated loss per question", "每个问题的损失（按研究所定代价）"),
    "recall": ("recall of screening", "排查的召回率"),
}
_BEGIN, _END = "<!-- begin: tools/loop_account.py -->\n", "<!-- end -->"


def table(found: pd.DataFrame, seeds: int, language: str) -> str:
    """Lay the gains out as a Markdown table."""
    chinese = language == "zh"
    heads = ("指标", "无反馈", "有反馈的变化", "抛硬币作答的变化") if chinese else (
        "measure", "without", "gain with feedback", "gain under a null field")  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "| --- | ---: | ---: | ---: |"]
    rows: Any = {(row["arm"], row["measure"]): row for row in found.to_dict("records")}
    for measure, names in _SAID.items():
        fed, null = rows["feedback", measure], rows["null", measure]
        low, high = (f"{fed[end]:+.3f}".replace("-", "−") for end in ("low", "high"))
        gain = f"{fed['mean']:+.3f} ({low} to {high}), rose in {fed['gains']:.0f} of {seeds} seeds"
        if chinese:
            gain = (
                f"{fed['mean']:+.3f}（{low} 至 {high}），{seeds} 个种子中 {fed['gains']:.0f} 个提高"
            )
        cells = (names[chinese], f"{fed['before']:.3f}", gain, f"{null['mean']:+.3f}")
        lines.append(f"| {' | '.join(cell.replace('-', '−') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Run all arms over the seeds, write the gains and draw the figure."""
    seeds = int(arguments[0]) if arguments else 12
    days = pd.concat([run(seed, arm) for seed in range(seeds) for arm in ARMS])
    found = compared(days)
    print(found.round(3).to_string(index=False))
    docs = Path(__file__).resolve().parents[1] / "docs"
    (docs / "loop-gain.svg").write_text(figure(days), encoding="utf-8")
    for name, language in (("loop.md", "en"), ("loop.zh.md", "zh")):
        before, rest = (docs / name).read_text(encoding="utf-8").split(_BEGIN)
        after = rest.split(_END, 1)[1]
        written = before + _BEGIN + "\n" + table(found, seeds, language) + "\n" + _END + after
        (docs / name).write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
