"""Needs in people's own words, Chinese or English, and "unclear, ask" where words do not tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from analytics.errors import ParameterError

NEEDS = (
    "lodging", "food", "halal", "medicine", "infant", "wheelchair", "language", "permit", "money",
    "contact_home", "travel", "code", "job", "study", "complaint",
)  # fmt: skip
UNCLEAR, NOTHING = "unclear", "none"
_CLAUSE = re.compile(r"[。！？!?；;\n]+|[，,]\s*|(?<=[a-z])\.\s+|\.$")
_FOLDS = 5


def phrases() -> pd.DataFrame:
    """
    Read the labelled phrases the reader learns from: made up for this purpose, nobody's words.

    Returns
    -------
    DataFrame
        ``family`` (phrases that say one thing), ``need`` (of `NEEDS`, or "none" for greetings,
        places and numbers), ``language`` (zh, en), ``phrase``.
    """
    path = resources.files("analytics.analysis.resettlement") / "phrases.csv"
    with path.open(encoding="utf-8") as lines:
        return pd.read_csv(lines, dtype="str", keep_default_na=False)


@dataclass(frozen=True)
class Evaluation:
    """
    How often phrases are read rightly whose whole family was never seen.

    Parameters
    ----------
    confusion : DataFrame (needs, needs and "unclear")
        Phrases held out, by true need and answer.
    answered, precision : float
        Share that got an answer; share of the answers that are right.
    accuracy : float
        Share right if an answer were forced on every phrase.
    """

    confusion: pd.DataFrame
    answered: float
    precision: float
    accuracy: float


class NeedsReader:
    """
    Read needs from free text.

    Parameters
    ----------
    precision : float
        Share of answers that must be right among phrases of families never seen; where the best
        class is not far enough ahead for that, the answer is "unclear": somebody asks.

    Attributes
    ----------
    model_ : sklearn Pipeline
        TF-IDF of runs of one to four characters, and linear support vector machines.
    threshold_ : float
        Lead of the best class over the next from which an answer is given.

    Notes
    -----
    Characters rather than words, since Chinese is not cut into words and spelling errors are
    frequent (Cavnar and Trenkle 1994, N-gram-based text categorization). The threshold comes
    from leads out of fold, families kept whole.
    """

    def __init__(self, precision: float = 0.9) -> None:
        if not 0 < precision < 1:
            raise ParameterError(f"precision is {precision}, between 0 and 1 is asked")
        self.precision = precision

    def fit(self, labelled: pd.DataFrame) -> NeedsReader:
        """
        Learn from labelled phrases.

        Parameters
        ----------
        labelled : DataFrame
            As `phrases` gives.

        Raises
        ------
        ParameterError
            If a label is unknown, or there are too few families to hold any out.
        """
        unknown = sorted(set(labelled["need"]) - {*NEEDS, NOTHING})
        if unknown or labelled["family"].nunique() < 2 * _FOLDS:
            raise ParameterError(
                "the labelled phrases cannot be learnt from",
                [*(f"need '{name}' is not known" for name in unknown),
                 f"{labelled['family'].nunique()} families, {2 * _FOLDS} are needed"],
            )  # fmt: skip
        lead, answer = _out_of_fold(labelled)
        self.threshold_ = _threshold(lead, answer == labelled["need"].to_numpy(), self.precision)
        self.model_ = _pipeline().fit(labelled["phrase"].map(_plain), labelled["need"])
        return self

    def read(self, texts: Sequence[str]) -> pd.DataFrame:
        """
        Say which needs each text names.

        Parameters
        ----------
        texts : sequence of str
            One person's words each; clauses are read one by one.

        Returns
        -------
        DataFrame (texts, needs and "unclear") of bool
            Unclear where there are words, but no clause of them was understood.
        """
        clauses = [(row, part) for row, text in enumerate(texts) for part in _clauses(text)]
        found = np.zeros((len(texts), len(NEEDS) + 2), bool)
        if clauses:
            row, words = zip(*clauses, strict=True)
            answer = self._answer(pd.Series(words))
            place = {name: at for at, name in enumerate((*NEEDS, UNCLEAR, NOTHING))}
            found[np.array(row), answer.map(place).to_numpy()] = True
        table = pd.DataFrame(found[:, : len(NEEDS)], columns=list(NEEDS))
        lost = ~table.any(axis=1).to_numpy()
        said = np.array([bool(_clauses(text)) for text in texts], bool)
        table[UNCLEAR] = lost & said
        return table

    def _answer(self, words: pd.Series) -> pd.Series:
        lead, best = _lead(self.model_.decision_function(words.map(_plain)))
        name = pd.Series(self.model_.classes_[best], index=words.index, dtype="object")
        return name.where(lead >= self.threshold_, UNCLEAR)

    def evaluate(self, held_out: pd.DataFrame) -> Evaluation:
        """
        Confusion table of phrases of families this reader never saw.

        Parameters
        ----------
        held_out : DataFrame
            As `phrases` gives.
        """
        answer = self._answer(held_out["phrase"])
        forced = self.model_.predict(held_out["phrase"].map(_plain))
        right, told = answer == held_out["need"], answer != UNCLEAR
        names = [*NEEDS, NOTHING]
        table = pd.crosstab(held_out["need"], answer)
        return Evaluation(
            table.reindex(index=names, columns=[*names, UNCLEAR], fill_value=0),
            float(told.mean()),
            float(right[told].mean()) if told.any() else float("nan"),
            float((forced == held_out["need"]).mean()),
        )


def split(
    labelled: pd.DataFrame, share: float = 0.25, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out whole families, the same share of every need."""
    families = labelled[["family", "need"]].drop_duplicates()
    rng = np.random.default_rng(seed)
    out: list[str] = []
    for _, own in families.groupby("need"):
        names = own["family"].to_numpy()
        out += list(rng.permutation(names)[: max(round(share * len(names)), 1)])
    held = labelled["family"].isin(out)
    return labelled[~held], labelled[held]


def _pipeline() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    return make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True),
        LinearSVC(C=1.0, class_weight="balanced"),
    )


def _out_of_fold(labelled: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Lead and name of the best answer for each phrase, its family unseen."""
    from sklearn.model_selection import StratifiedGroupKFold

    lead, answer = np.zeros(len(labelled)), np.empty(len(labelled), object)
    words, need = labelled["phrase"].map(_plain).to_numpy(), labelled["need"].to_numpy()
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    for seen, unseen in folds.split(words, need, labelled["family"]):
        model = _pipeline().fit(words[seen], need[seen])
        lead[unseen], best = _lead(model.decision_function(words[unseen]))
        answer[unseen] = model.classes_[best]
    return lead, answer


def _lead(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the best class is ahead of the next, and which it is."""
    top = np.sort(scores, axis=1)[:, -2:]
    return top[:, 1] - top[:, 0], scores.argmax(axis=1)


def _threshold(lead: np.ndarray, right: np.ndarray, precision: float) -> float:
    """Least lead above which the share of right answers is as asked; infinite if never."""
    order = np.argsort(-lead)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= precision)
    return float(lead[order][enough[-1]]) if len(enough) else float("inf")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.lower()).strip()


def _clauses(text: str) -> list[str]:
    return [part for part in (p.strip() for p in _CLAUSE.split(text or "") if p) if part]
