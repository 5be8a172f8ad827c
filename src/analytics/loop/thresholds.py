"""
Thresholds that learn from answers, in small steps, and only once a person has approved them.

A proposal is worked out anew whenever it is asked for. What was approved stands in a change log
of JSON lines chained by hash: rule, from, to, the evidence it stood on, who approved it and when.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analytics.errors import AuditError, ParameterError
from analytics.loop import ledger
from analytics.privacy import audit, disk
from analytics.study import clock

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from analytics.analysis import health_code
    from analytics.study import Study, Threshold

    FloatArray = npt.NDArray[np.float64]

SHRINKAGE: Final = 50.0  # answers that weigh as much as the threshold in force
_LEAST: Final = 20  # answers of each kind below which nothing is proposed
_DRAWS: Final = 200
_SURE: Final = 0.95
_TELLING: Final = 0.55  # area above which a score tells true from false, and not by chance
_START: Final = "0" * 64
ROLE = "approver"


@dataclass(frozen=True)
class Proposal:
    """
    What the answers suggest for one rule.

    Parameters
    ----------
    rule : str
    current, proposed : float
        Threshold in force, and what it should become; equal where nothing is proposed.
    answers, confirmed : int
        Scored answers it stands on, and how many of them confirm.
    discrimination : float
        Chance that a true one scores above a false one (area under the curve).
    loss_current, loss_proposed : float
        Loss per answer at both, in the unit of the study's.
    reason : str
        Why nothing is proposed: ``few``, ``blind`` (the score does not tell true from false) or
        ``settled`` (no threshold is surely better); empty where something is.
    """

    rule: str
    current: float
    proposed: float
    answers: int
    confirmed: int
    discrimination: float
    loss_current: float
    loss_proposed: float
    reason: str = ""


def recalibrate(
    scores: FloatArray,
    true: npt.NDArray[np.bool_],
    weights: FloatArray,
    current: Threshold,
    *,
    seed: int = 0,
) -> Proposal:
    r"""
    Work out which threshold loses least, and how far to go there.

    Parameters
    ----------
    scores : array (answers,)
        The rule's scores of answered questions, flagged or drawn at random.
    true : array (answers,) of bool
        Whether each was confirmed.
    weights : array (answers,)
        How many each stands for: the inverse of its chance of being asked.
    current : Threshold
        Threshold in force and the loss of a false alarm and a miss.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Proposal

    Notes
    -----
    With :math:`t^*` the threshold of least weighted loss
    :math:`L(t) = \sum_i w_i (c_f [s_i \ge t, \bar y_i] + c_m [s_i < t, y_i])` and :math:`n`
    answers, the proposal is :math:`t + (t^* - t)\,n / (n + k)`, shrunk towards the threshold in
    force by :math:`k` answers. It is made only if, in 95 % of bootstrap samples, the score tells
    true from false at all and the proposal loses less: answers given at random move nothing.
    """
    rule, value = current.rule, current.value
    many, hits = len(scores), int(true.sum())
    if not many:
        return Proposal(rule, value, value, 0, 0, 0.5, np.nan, np.nan, "few")
    area = _area(scores, true, weights)
    now = _loss(scores, true, weights, np.array([value]), current)[0]
    stay = Proposal(rule, value, value, many, hits, area, now, now)
    if min(hits, many - hits) < _LEAST:
        return _because(stay, "few")
    generator = np.random.default_rng(seed)
    draws = (generator.integers(0, many, many) for _ in range(_DRAWS))
    areas = [_area(scores[s], true[s], weights[s]) for s in draws]
    if np.quantile(areas, 1 - _SURE) <= _TELLING:
        return _because(stay, "blind")
    candidates = np.unique(np.append(scores, value))
    losses = _loss(scores, true, weights, candidates, current)
    best = candidates[np.lexsort((np.abs(candidates - value), losses))[0]]
    proposed = float(value + (best - value) * many / (many + SHRINKAGE))
    both = np.array([value, proposed])
    draws = (generator.integers(0, many, many) for _ in range(_DRAWS))
    better = [np.diff(_loss(scores[s], true[s], weights[s], both, current))[0] < 0 for s in draws]
    if np.mean(better) < _SURE:
        return _because(stay, "settled")
    then = _loss(scores, true, weights, np.array([proposed]), current)[0]
    return Proposal(rule, value, round(proposed, 4), many, hits, area, now, then)


def _because(stay: Proposal, reason: str) -> Proposal:
    return Proposal(**{**vars(stay), "reason": reason})


def _loss(
    scores: FloatArray, true: npt.NDArray[np.bool_], weights: FloatArray, at: FloatArray,
    costs: Threshold,
) -> FloatArray:  # fmt: skip
    """Weighted loss per answer at each threshold, by one pass over sorted scores."""
    order = np.argsort(scores, kind="stable")
    ranked, weight = scores[order], weights[order]
    hit = np.append(0, np.cumsum(weight * true[order]))
    alarm = np.append(0, np.cumsum(weight * ~true[order]))
    place = np.searchsorted(ranked, at, side="left")
    lost: FloatArray = costs.false_alarm * (alarm[-1] - alarm[place]) + costs.miss * hit[place]
    mean: FloatArray = lost / weight.sum()
    return mean


def _area(scores: FloatArray, true: npt.NDArray[np.bool_], weights: FloatArray) -> float:
    """Weighted area under the receiver operating characteristic; ties count half."""
    if true.all() or not true.any():
        return 0.5
    levels, place = np.unique(scores, return_inverse=True)
    yes = np.bincount(place, weights * true, len(levels))
    no = np.bincount(place, weights * ~true, len(levels))
    below = np.cumsum(no) - no
    return float(yes @ (below + no / 2) / (yes.sum() * no.sum()))


def proposals(study: Study, outcomes: pa.Table) -> list[Proposal]:
    """
    Propose a threshold for each rule of the study that has one.

    Parameters
    ----------
    study : Study
        Its thresholds and what errors cost.
    outcomes : pyarrow.Table
        As `feedback.outcomes` gives. Questions drawn at random count for a rule where they
        carry its score and ask what it asks.

    Returns
    -------
    list of Proposal
        One per rule, in the study's order.
    """
    return [_proposal(study, outcomes, each) for each in in_force(study)]


def _proposal(study: Study, outcomes: pa.Table, current: Threshold) -> Proposal:
    del study
    answered = ledger.query(
        """
        with own as (
            select distinct asks, duty from outcomes where rule = $rule
        )
        select score, 1 / coalesce(inclusion, 1) as weight, upheld
        from outcomes o
        where upheld is not null and score is not null
            and (rule = $rule or (sampled and rule = 'random_check'
                and (asks, duty) in (select (asks, duty) from own)))
        order by question
        """,
        {"rule": current.rule}, outcomes=outcomes,
    )  # fmt: skip
    return recalibrate(
        answered["score"].to_numpy().astype(float),
        answered["upheld"].to_numpy().astype(bool),
        answered["weight"].to_numpy().astype(float),
        current,
    )


def in_force(study: Study, moment: datetime | None = None) -> tuple[Threshold, ...]:
    """Thresholds of a study at a moment (now without): its settings, or what was approved since."""
    latest = {rule: to for rule, _, to in _approvals(study, moment)}
    return tuple(
        each.model_copy(update={"value": latest.get(each.rule, each.value)})
        for each in study.thresholds
    )


def value(study: Study, rule: str, default: float, moment: datetime | None = None) -> float:
    """
    Give the threshold of a rule that is in force.

    Parameters
    ----------
    study : Study
    rule : str
    default : float
        Where the study says nothing of the rule.
    moment : datetime, optional
        With a zone; now without.

    Returns
    -------
    float
        In the unit of the rule's score.

    Raises
    ------
    AuditError
        If the file of approvals was edited.
    """
    known = in_force(study, moment)
    return next((each.value for each in known if each.rule == rule), default)


def approved(
    study: Study, rule: str, moment: datetime | None = None
) -> tuple[tuple[datetime, float], ...]:
    """
    List the thresholds of a rule that people approved.

    Parameters
    ----------
    study : Study
    rule : str
    moment : datetime, optional
        With a zone: by then; all without.

    Returns
    -------
    tuple of (datetime, float)
        Since when, with a zone, and the threshold; oldest first.

    Raises
    ------
    AuditError
        If the file of approvals was edited.
    """
    return tuple((at, to) for name, at, to in _approvals(study, moment) if name == rule)


def code_rules(study: Study, moment: datetime) -> health_code.Rules:
    """
    Read the rules of a study's health code with what was approved for them.

    Parameters
    ----------
    study : Study
        With ``health_code.toml``; the threshold of rule ``health_code.<id>``, for the rule whose
        evidence is a declaration, is the temperature that is a fever [°C].
    moment : datetime
        As approved by then.

    Returns
    -------
    health_code.Rules
        A fever approved later counts for what is declared from then on, so that codes given
        before stay what they were.

    Raises
    ------
    StudyError
        If there are no rules, or they do not hold together.
    AuditError
        If the change log was edited.
    """
    from analytics.analysis.health_code import rules as book

    rules = book.read(study.folder / "health_code.toml")
    names = {f"health_code.{each.id}" for each in rules.rule if each.evidence == "declaration"}
    start = {each.rule: each.value for each in study.thresholds}
    fever = next((start[name] for name in sorted(names & set(start))), rules.fever)
    since = tuple((clock(at), to) for rule, at, to in _approvals(study, moment) if rule in names)
    return rules.model_copy(update={"fever": fever, "fever_since": since})


def _approvals(study: Study, moment: datetime | None) -> list[tuple[str, datetime, float]]:
    """Rule, since when and threshold of each change approved by a moment, oldest first."""
    every = [
        (str(entry["rule"]), datetime.fromisoformat(entry["approved"]), float(entry["to"]))
        for entry in changes(study)
    ]
    return [one for one in every if moment is None or one[1] <= moment]


def changes(study: Study) -> list[dict[str, Any]]:
    """
    Read the change log, oldest first.

    Raises
    ------
    AuditError
        If a line was changed, removed or moved.
    """
    path = study.state / "loop" / "changes.jsonl"
    before, found = _START, []
    for number, line in enumerate(path.read_bytes().splitlines() if path.is_file() else [], 1):
        try:
            entry = dict(json.loads(line))
            own = entry.pop("hash")
        except (ValueError, KeyError, TypeError):
            own, entry = "", {}
        if not own or entry.get("previous") != before or own != _hash(entry):
            raise AuditError(
                "the change log of thresholds was edited",
                [f"line {number} does not follow from the line before it"],
                "restore it from its last backup",
            )
        found.append(entry)
        before = own
    return found


def approve(
    study: Study, outcomes: pa.Table, rule: str, to: float, moment: datetime, *, actor: str = ""
) -> dict[str, Any]:
    """
    Put a proposed threshold in force, in a person's name.

    Parameters
    ----------
    study : Study
    outcomes : pyarrow.Table
        What the proposal stands on.
    rule : str
    to : float
        The value as it was shown; it is refused if the answers suggest another by now.
    moment : datetime
        When it is approved.
    actor : str
        Account; empty for the one this process runs under.

    Returns
    -------
    dict
        The entry of the change log.

    Raises
    ------
    ParameterError
        If the study has no threshold for the rule, or nothing, or something else, is proposed.
    """
    with ledger.held(study):
        found = {each.rule: each for each in proposals(study, outcomes)}
        if rule not in found:
            raise ParameterError(
                f"study '{study.name}' has no threshold for rule '{rule}'",
                remedy=f"there are: {', '.join(found) or 'none'}; see [[thresholds]] in study.toml",
            )
        one = found[rule]
        if one.reason or not np.isclose(one.proposed, to, atol=1e-6, rtol=0):
            said = "nothing" if one.reason else f"{one.proposed:g}"
            raise ParameterError(
                f"{said} is proposed for rule '{rule}', not {to:g}",
                remedy="look at `workbench feedback show` again",
            )
        log = changes(study)
        entry = {
            "rule": rule, "from": one.current, "to": one.proposed, "answers": one.answers,
            "confirmed": one.confirmed, "discrimination": round(one.discrimination, 4),
            "loss_from": round(one.loss_current, 6), "loss_to": round(one.loss_proposed, 6),
            "approved": moment.isoformat(), "actor": actor or getpass.getuser(),
            "previous": _hash(log[-1]) if log else _START,
        }  # fmt: skip
        audit.record(
            study.state / "audit.jsonl", "threshold.approve", f"{study.name}/{rule}", role=ROLE,
            counts={"answers": one.answers}, actor=actor,
        )  # fmt: skip
        _append(study, entry)
    return entry


def _append(study: Study, entry: dict[str, Any]) -> None:
    path = study.state / "loop" / "changes.jsonl"
    disk.make_private(path.parent)
    line = json.dumps(entry | {"hash": _hash(entry)}, ensure_ascii=False, sort_keys=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as stream:
        stream.write(line.encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    disk.sync(path.parent)


def _hash(entry: dict[str, Any]) -> str:
    said = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
