"""
Feedback: how right each rule is, what it misses, and what should change.

Precision is the share of a rule's answered questions that were confirmed. Recall needs people
that no rule flagged: those drawn at random, each standing for the inverse of its chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

from analytics.loop import ledger, roster
from analytics.loop.push import SAMPLE

if TYPE_CHECKING:
    from analytics.study import Study

LEVEL: Final = 0.95
_DRAWS: Final = 4000
_OWN: Final = ("moved", "adjudication", "unreachable", SAMPLE)  # reasons that are no rules


def outcomes(pushes: pa.Table, verifications: pa.Table) -> pa.Table:
    """
    Say of each rule and question what became of it.

    Returns
    -------
    pyarrow.Table
        One row per question and rule that raised it: ``rule``, ``rule_version``,
        ``question``, ``duty``, ``asks``, ``list``, ``county``, ``department``, ``score``,
        ``sampled``, ``inclusion``, ``date`` (pushed first), ``subject``, ``reason_zh``,
        ``reason_en``, ``status``, that of the question's latest version, and ``upheld``: whether
        the answer bears the rule out (or, drawn at random, is one that rules missed), empty until
        verified. A code that the field finds wrong speaks against the rule that gave it, and
        for one that should have.
    """
    return ledger.query(
        """
        with final as (select question, status from standing where current)
        select p.rule, p.rule_version, p.question, p.duty, p.asks, p.list, p.county, p.department,
            p.score, p.sampled, p.inclusion, p.pushed::date as date, p.subject, p.reason_zh,
            p.reason_en, f.status, if(f.status in ('confirmed', 'refuted'),
                (f.status = 'confirmed') = (p.asks <> 'code_wrong' or p.sampled), null) as upheld
        from pushes p join final f using (question) where p.row_version = 1
        order by p.question, p.rule, p.rule_version
        """,
        pushes=pushes, standing=ledger.standing(pushes, verifications),
    )  # fmt: skip


def decided_pairs(outcomes: pa.Table) -> pa.Table:
    """
    Say which pairs of records the field found to be one person, and which two.

    Parameters
    ----------
    outcomes : pyarrow.Table
        As :func:`outcomes` gives.

    Returns
    -------
    pyarrow.Table
        ``department_left``, ``record_left``, ``department_right``, ``record_right``,
        ``together``: what linkage goes by instead of its own weight. A pair asked about twice
        with two answers is left to linkage.
    """
    return ledger.query(
        r"""
        with said as (
            select regexp_extract(subject, '^([^:|]+):([^|]+)\|([^:|]+):(.+)$',
                    ['department_left', 'record_left', 'department_right', 'record_right']) as pair,
                status = 'confirmed' as together
            from outcomes where asks = 'same_person' and status in ('confirmed', 'refuted')
        )
        select pair.department_left, pair.record_left, pair.department_right, pair.record_right,
            bool_and(together) as together
        from said where pair.department_left <> '' group by pair
        having bool_and(together) = bool_or(together) order by pair
        """,
        outcomes=outcomes,
    )


def decided_clusters(outcomes: pa.Table) -> pa.Table:
    """
    Say of which first cases the field found that they belong to a cluster, and of which not.

    Parameters
    ----------
    outcomes : pyarrow.Table
        As :func:`outcomes` gives.

    Returns
    -------
    pyarrow.Table
        ``person`` and ``sure``, one row a person; who was asked about in several settings counts
        by the answer that all share, or not at all.
    """
    return ledger.query(
        """
        select subject as person, bool_and(status = 'confirmed') as sure from outcomes
        where asks = 'clustered' and status in ('confirmed', 'refuted') group by subject
        having bool_and(status = 'confirmed') = bool_or(status = 'confirmed') order by person
        """,
        outcomes=outcomes,
    )


def precision(outcomes: pa.Table, by: Sequence[str] = ("rule", "rule_version")) -> pd.DataFrame:
    """
    Precision of what was pushed, by rule or otherwise.

    Parameters
    ----------
    outcomes : pyarrow.Table
        As :func:`outcomes` gives.
    by : sequence of str
        Its columns to group by; ``date`` for over time, ``list``, ``department``, ``county``.

    Returns
    -------
    pandas.DataFrame
        A row per group: `by`, ``pushed``, ``verified``, ``confirmed`` [questions; those that bear
        the rule out], ``precision`` and its interval ``low``, ``high`` (95 %).

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    table = outcomes.drop_columns(["subject"]).to_pandas()
    flagged = table[~table["rule"].isin(_OWN)]
    if list(by) != ["rule", "rule_version"] and "rule" not in by:
        flagged = flagged.drop_duplicates([*by, "question"])
    counted = (
        flagged.assign(
            verified=flagged["upheld"].notna(),
            confirmed=flagged["upheld"].eq(other=True),
        )
        .groupby(list(by), dropna=False)
        .agg(pushed=("question", "size"), verified=("verified", "sum"),
             confirmed=("confirmed", "sum"))
        .reset_index()
    )  # fmt: skip
    low, high = wilson(counted["confirmed"].to_numpy(float), counted["verified"].to_numpy(float))
    share = counted["confirmed"] / counted["verified"].where(counted["verified"] > 0)
    judged: pd.DataFrame = counted.assign(precision=share.astype(float), low=low, high=high)
    return judged


def wilson(hits: Any, of: Any, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    r"""
    Give Wilson's interval of shares; missing where nothing was counted.

    Parameters
    ----------
    hits, of : array (n,)
        Counts, and of how many.
    level : float
        Of the interval, between 0 and 1.

    Returns
    -------
    (array, array)
        Lower and upper ends, shape (n,), between 0 and 1.

    Notes
    -----
    .. math:: \frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}

    References
    ----------
    Wilson 1927, J Am Stat Assoc 22:209.
    """
    hits, n = np.asarray(hits, float), np.where(np.asarray(of, float) > 0, of, np.nan)
    z = stats.norm.ppf(0.5 + level / 2)
    share = hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def recall(
    outcomes: pa.Table, by: Sequence[str] = ("duty", "asks"), *, seed: int = 0
) -> pd.DataFrame:
    r"""
    Recall of all rules together, from the random sample of people that none had flagged.

    Parameters
    ----------
    outcomes : pyarrow.Table
        As :func:`outcomes` gives.
    by : sequence of str
        Its columns to group by, the duty and what is asked at least; also ``county``.
    seed : int
        Of the draws behind the interval.

    Returns
    -------
    pandas.DataFrame
        A row per group that was sampled: `by`, ``flagged``, ``found`` (flagged that are
        true, those not answered yet at the rate of the others), ``sampled``, ``answered``,
        ``confirmed`` (of the sample), ``missed`` (estimate), ``recall``, ``low``, ``high`` (95 %).

    Notes
    -----
    One draw of a county estimates how many are missed there on its day,
    :math:`N_h\,\sum w\,y / \sum w` with :math:`w = 1/\pi` over those answered; draws of several
    days estimate the same thing and are averaged. For the interval the share missed is drawn
    from :math:`\mathrm{Beta}(\hat p\,n_e + 1/2,\ (1 - \hat p)\,n_e + 1/2)` with Kish's effective
    size :math:`n_e = (\sum w)^2 / \sum w^2`, so that it stays honest where the sample holds nobody
    who was missed; the precision of what was flagged is drawn likewise.

    References
    ----------
    Horvitz & Thompson (1952). Kish (1965), Survey sampling. Korn & Graubard (1998), Confidence
    intervals for proportions with small expected number of positive counts (effective size).
    """
    table = outcomes.drop_columns(["subject"]).to_pandas()
    table = table.drop_duplicates(["question", "sampled"])
    drawn = table[table["sampled"]]
    generator = np.random.default_rng(seed)
    rows = []
    for key, sample in drawn.groupby(list(by), sort=True):
        same = table[~table["sampled"]]
        for name, value in zip(by, key if isinstance(key, tuple) else (key,), strict=True):
            same = same[same[name] == value]
        rows.append({**dict(zip(by, key, strict=True)), **_recall(same, sample, generator)})
    columns = ["flagged", "found", "sampled", "answered", "confirmed", "missed", "recall", "low",
               "high"]  # fmt: skip
    return pd.DataFrame(rows, columns=[*by, *columns])


def _recall(
    flagged: pd.DataFrame, sample: pd.DataFrame, generator: np.random.Generator
) -> dict[str, float]:
    answered = flagged[flagged["status"].isin(ledger.VERIFIED)]
    hits, many = int(answered["upheld"].sum()), len(answered)
    rest = len(flagged) - many
    found = hits + (rest * hits / many if many else 0.0)
    drawn_found = hits + rest * generator.beta(hits + 0.5, many - hits + 0.5, _DRAWS)
    said = sample[sample["status"].isin(ledger.VERIFIED)]
    weight = 1 / said["inclusion"].to_numpy(float)
    true = said["upheld"].to_numpy(float)
    days = sample["date"].nunique()
    people = float((1 / sample["inclusion"].to_numpy(float)).sum()) / max(days, 1)
    if not len(said):
        share, drawn_share = np.nan, np.full(_DRAWS, np.nan)
    else:
        share = float(weight @ true / weight.sum())
        size = weight.sum() ** 2 / (weight**2).sum()
        drawn_share = generator.beta(share * size + 0.5, (1 - share) * size + 0.5, _DRAWS)
    missed, drawn_missed = share * people, drawn_share * people
    values = drawn_found / (drawn_found + drawn_missed)
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    total = found + missed
    return {
        "flagged": len(flagged), "found": found, "sampled": len(sample), "answered": len(said),
        "confirmed": int(true.sum()), "missed": missed,
        "recall": found / total if total else np.nan, "low": float(low), "high": float(high),
    }  # fmt: skip


def overdue(study: Study, standing: pa.Table, moment: datetime) -> pd.DataFrame:
    """
    Say who owes which answers, and who hears of it.

    Parameters
    ----------
    study : Study
        Its duty roster.
    standing : pyarrow.Table
        As :func:`ledger.rows` gives.
    moment : datetime
        When it is asked.

    Returns
    -------
    pandas.DataFrame
        One row per duty and county with overdue rows, oldest first: ``duty``, ``county``,
        ``rows``, ``days`` (since the first was due), ``who_zh``, ``who_en``,
        ``escalates_zh``, ``escalates_en`` (empty while a day has not passed, or where the
        roster names nobody).
    """
    late: pd.DataFrame = ledger.query(
        """
        select duty, county, count(*) as rows,
            date_diff('hour', min(due), $now::timestamp) / 24 as days
        from standing where status = 'outstanding' and due < $now::timestamp
        group by duty, county order by days desc, rows desc, duty, county
        """,
        {"now": moment.replace(tzinfo=None)}, standing=standing,
    ).to_pandas()  # fmt: skip
    known = roster.duties(study)

    def word(language: str, *, up: bool) -> list[str]:
        said = []
        for row in late.itertuples():
            duty = known.get(str(row.duty))
            title = None if duty is None else duty.escalates if up else duty.who
            waits = up and float(str(row.days)) < 1
            said.append("" if title is None or waits else getattr(title, language))
        return said

    return late.assign(
        who_zh=word("zh", up=False), who_en=word("en", up=False),
        escalates_zh=word("zh", up=True), escalates_en=word("en", up=True),
    )  # fmt: skip


def errors(outcomes: pa.Table, department: str) -> pd.DataFrame:
    """
    List what was found wrong in a department's records, for it to put right.

    Parameters
    ----------
    outcomes : pyarrow.Table
        As :func:`outcomes` gives.
    department : str

    Returns
    -------
    pandas.DataFrame
        ``delivery_row`` (name of the delivery and position in it), ``rule``, ``reason_zh``,
        ``reason_en``, ``status`` (confirmed: it is wrong; else not decided yet); rows that
        proved right are left out.
    """
    wrong: pd.DataFrame = ledger.query(
        """
        select distinct subject as delivery_row, rule, reason_zh, reason_en, status
        from outcomes where department = $department and asks = 'record_wrong'
            and status <> 'refuted'
        order by delivery_row, rule
        """,
        {"department": department}, outcomes=outcomes,
    ).to_pandas()  # fmt: skip
    return wrong
