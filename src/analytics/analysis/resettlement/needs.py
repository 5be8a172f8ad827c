"""Needs in people's own words, Chinese or English, and "unclear, ask" where words do not tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
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
_DENIED = re.compile(
    "不需要|不必|用不着|(?<![会能])不用|不缺|(?<!急)不急|不是问题|都好$|(?:办|解决|处理|安排)好了"
    "|(?<!有)没有?(?:什么)?(?:问题|困难|意见|障碍|忌口|禁忌)|已经(?:解决|有了|联系上)"
    "|(?<![不只就才能太哪么没])够(?:吃|用|喝|住)|还够(?!不)|(?<!不)充足"
    r"|\bno need\b|\b(?:i|we|you|they) (?:do not|don't|dont) (?:need|have to)\b|\bplenty of\b"
    r"|\bno \w+(?: \w+)? needed\b|\bnothing needed\b|\bno (?:problem|worries|complaint)\b"
    r"|\bnot a problem\b|\bwithout trouble\b|(?<!not )(?<!n't )\b(?:have|has|is|are) enough\b"
    r"|\b(?:all|everything) (?:is )?(?:ok|fine|good|solved)\b"
)
_FOLDS = 5


def phrases() -> pd.DataFrame:
    """
    Read the labelled phrases the reader learns from: made up for this purpose, nobody's words.

    Returns
    -------
    DataFrame
        ``family`` (phrases that say one thing, or say it in nearly the same words), ``need`` (of
        `NEEDS`, or "none" for greetings, places and numbers, for what is not needed, and for what
        is none of these needs), ``language`` (zh, en), ``phrase``.
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
        TF-IDF of runs of one to four characters and of English words and pairs of words, and
        linear support vector machines.
    threshold_ : float
        Lead of the best class over the next from which an answer is given.
    evaluation_ : Evaluation
        How the labelled phrases themselves are read, each by a model that never saw its family.

    Notes
    -----
    Characters rather than words, since Chinese is not cut into words and spelling errors are
    frequent (Cavnar and Trenkle 1994, N-gram-based text categorization); words as well in English,
    where they can be told apart. A clause that says a thing is not needed names no need, whatever
    the thing: written out as a rule, since no count of words tells it. The threshold comes from
    leads out of fold, families kept whole.
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
        lead, best = _out_of_fold(labelled)
        self.threshold_ = _threshold(lead, best == labelled["need"].to_numpy(), self.precision)
        self.evaluation_ = _evaluation(labelled["need"], lead >= self.threshold_, best)
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
        lead, best = self._best(words)
        return pd.Series(best, words.index, dtype="object").where(lead >= self.threshold_, UNCLEAR)

    def _best(self, words: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        lead, best = _lead(_scores(self.model_, words.map(_plain)))
        return lead, self.model_.classes_[best]

    def evaluate(self, held_out: pd.DataFrame) -> Evaluation:
        """
        Confusion table of phrases of families this reader never saw.

        Parameters
        ----------
        held_out : DataFrame
            As `phrases` gives.
        """
        lead, best = self._best(held_out["phrase"])
        return _evaluation(held_out["need"], lead >= self.threshold_, best)


def split(
    labelled: pd.DataFrame, share: float = 0.25, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Hold out whole families of sentences, the same share of every need.

    Parameters
    ----------
    labelled : pandas.DataFrame
        ``family``, ``need`` and the sentences.
    share : float
        Of each need's families to hold out; at least one.
    seed : int

    Returns
    -------
    (pandas.DataFrame, pandas.DataFrame)
        To learn from, and held out; no family is in both.
    """
    families = labelled[["family", "need"]].drop_duplicates()
    rng = np.random.default_rng(seed)
    out: list[str] = []
    for _, own in families.groupby("need"):
        names = own["family"].to_numpy()
        out += list(rng.permutation(names)[: max(round(share * len(names)), 1)])
    held = labelled["family"].isin(out)
    return labelled[~held], labelled[held]


def _evaluation(need: pd.Series, told: np.ndarray, best: np.ndarray) -> Evaluation:
    """Count the answers told and the best ones, against the true needs."""
    answer = pd.Series(best, need.index, dtype="object")
    right, names = (answer == need).to_numpy(), [*NEEDS, NOTHING]
    table = pd.crosstab(need, answer.where(told, UNCLEAR))
    return Evaluation(
        table.reindex(index=names, columns=[*names, UNCLEAR], fill_value=0),
        float(told.mean()),
        float(right[told].mean()) if told.any() else float("nan"),
        float(right.mean()),
    )


def _pipeline() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    return make_pipeline(
        make_union(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True),
            TfidfVectorizer(analyzer=_words, sublinear_tf=True),
        ),
        LinearSVC(C=0.5, class_weight="balanced", random_state=0),
    )


def _out_of_fold(labelled: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Lead and name of the best answer for each phrase, its family unseen."""
    from sklearn.model_selection import StratifiedGroupKFold

    lead, answer = np.zeros(len(labelled)), np.empty(len(labelled), object)
    words, need = labelled["phrase"].map(_plain), labelled["need"].to_numpy()
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    for seen, unseen in folds.split(words, need, labelled["family"]):
        model = _pipeline().fit(words.iloc[seen], need[seen])
        lead[unseen], best = _lead(_scores(model, words.iloc[unseen]))
        answer[unseen] = model.classes_[best]
    return lead, answer


def _scores(model: Any, words: pd.Series) -> np.ndarray:
    """Score of each class; where a need is denied, "none" is ahead of all."""
    scores = np.array(model.decision_function(words))
    denied = words.str.contains(_DENIED).to_numpy(bool)
    scores[np.ix_(denied, model.classes_ == NOTHING)] = np.inf
    return scores


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


def _words(text: str) -> list[str]:
    """Words in Latin letters, and each with the next."""
    words = re.findall(r"[a-z0-9']+", text)
    return [*words, *(" ".join(pair) for pair in pairwise(words))]


def _clauses(text: str) -> list[str]:
    return [part for part in (p.strip() for p in _CLAUSE.split(text or "") if p) if part]
