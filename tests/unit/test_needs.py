"""Needs read from people's own words: what is told is right, and the rest is asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analytics.analysis import resettlement
from analytics.analysis.resettlement import needs
from analytics.errors import ParameterError

# Ordinary ways to voice a need, written apart from the learnt phrases and never learnt from.
REWORDED = Path(__file__).with_name("needs_reworded.csv")


@pytest.fixture(scope="module")
def labelled() -> pd.DataFrame:
    return resettlement.phrases()


@pytest.fixture(scope="module")
def reader(labelled: pd.DataFrame) -> resettlement.NeedsReader:
    return resettlement.NeedsReader(0.9).fit(labelled)


def test_phrases_are_many_in_both_languages_and_in_families(labelled):
    assert len(labelled) >= 3000
    assert labelled["family"].nunique() >= 800
    assert labelled["language"].value_counts().min() >= 1000
    assert labelled["phrase"].str.lower().is_unique
    assert labelled.groupby("family")["need"].nunique().max() == 1
    assert labelled.groupby("need")["family"].nunique().min() >= 35
    assert set(labelled["need"]) == {*needs.NEEDS, "none"}


def test_families_are_held_out_whole(labelled):
    learnt, held = resettlement.split(labelled)
    assert not set(learnt["family"]) & set(held["family"])
    assert len(learnt) + len(held) == len(labelled)


def test_answers_about_unseen_families_are_mostly_right_and_the_rest_is_asked(labelled):
    """Four in five are asked for; families held out, and the threshold set without them."""
    learnt, held = resettlement.split(labelled)
    told = resettlement.NeedsReader(0.8).fit(learnt).evaluate(held)
    assert told.confusion.to_numpy().sum() == len(held)
    assert told.precision >= 0.75
    assert told.answered >= 0.45
    assert 0.55 <= told.accuracy < told.precision


def test_the_reader_says_how_it_reads_families_it_never_saw(reader, labelled):
    known = reader.evaluation_
    assert known.confusion.to_numpy().sum() == len(labelled)
    assert known.precision >= 0.9
    assert known.answered >= 0.28
    assert known.accuracy >= 0.6


def test_needs_put_in_other_words_are_found(reader, labelled):
    other = pd.read_csv(REWORDED)
    assert not set(other["phrase"].str.lower()) & set(labelled["phrase"].str.lower())
    told = reader.evaluate(other)
    assert told.precision >= 0.93
    assert told.answered >= 0.65
    assert told.accuracy >= 0.85


def test_the_same_phrases_make_the_same_reader(labelled):
    few = labelled[labelled["need"].isin(["halal", "code", "none"])]
    once, again = (resettlement.NeedsReader(0.9).fit(few) for _ in range(2))
    assert again.threshold_ == once.threshold_
    assert again.evaluation_.confusion.equals(once.evaluation_.confusion)


def test_words_are_read_clause_by_clause(reader):
    found = reader.read(["你好，我们是穆斯林不能吃猪肉。奶粉没有了，孩子没有奶粉喝", "", "qqq www"])
    assert found.loc[0, ["halal", "infant", "unclear"]].tolist() == [True, True, False]
    assert not found.loc[1].any()
    assert found.loc[2, "unclear"]


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        ("您好，我是甘肃来的回族，孩子才七个月，奶粉没有了，这边饭菜都不是清真的", "halal infant"),
        ("Hello, I don't speak Chinese. My visa expires next week.", "language permit"),
        ("厂里催我回去上班，可是健康码是红的", "code job"),
        ("不需要清真，药快没有了", "medicine"),
        ("我们有奶粉够喝，住的没问题，就是签证快到期了", "permit"),
        ("We have enough food. We don't need halal. My passport is lost.", "permit"),
        ("您好，谢谢你们，我们一家三口在荆州", "unclear"),
        ("We have plenty of medicine, no worries", "unclear"),
    ],
)
def test_a_call_names_its_needs_and_not_what_it_does_without(reader, call, asked):
    found = reader.read([call]).loc[0]
    assert sorted(found.index[found]) == sorted(asked.split())


@pytest.mark.parametrize(
    "clause",
    ["饭不够吃", "钱不太够用", "药只够吃两天", "不会用手机", "能不用扫码吗", "有没有问题", "急不急",
     "we don't have enough food", "not enough water", "my boss does not need me any more"],
)  # fmt: skip
def test_a_lack_is_no_denial(clause):
    assert not needs._DENIED.search(clause)


def test_a_label_nobody_knows_is_refused(labelled):
    with pytest.raises(ParameterError, match="gold"):
        resettlement.NeedsReader().fit(labelled.assign(need="gold"))
