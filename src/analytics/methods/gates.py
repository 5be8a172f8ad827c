"""
Whom the checks of a journey find: temperature, symptoms, codes and declarations.

A check sees either symptoms (fever scanners, staff) or a known exposure (a health code, a
questionnaire). Someone without symptoms is invisible to the first kind, someone whose
exposure nobody knows to the second, however often they are checked; beyond that, checks err
independently. Time is in days, and a check's time is counted from departure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from analytics.errors import ParameterError

if TYPE_CHECKING:
    from scipy import stats

FloatArray = npt.NDArray[np.float64]

_CELLS = 2_000_000  # travellers drawn at once


@dataclass(frozen=True)
class Course:
    """
    Course of an infection, as far as checks can see it.

    Parameters
    ----------
    incubation : (float, float)
        Mean and variance of the time from infection to symptoms [days, days²]; gamma.
    severe_after : (float, float)
        Mean and variance of the time from symptoms to severe illness, which ends travel;
        gamma.
    asymptomatic : float
        Share who never have symptoms that a check could see.
    known_exposure : float
        Share whose exposure is known: to themselves, or to the rules of a health code.
    """

    incubation: tuple[float, float]
    severe_after: tuple[float, float]
    asymptomatic: float = 0.0
    known_exposure: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.asymptomatic, self.known_exposure)
        if not (min(*self.incubation, *self.severe_after) > 0 and min(shares) >= 0):
            raise ParameterError(
                f"times and variances above 0 are needed, shares of 0 to 1: {self}"
            )
        if max(shares) > 1:
            raise ParameterError(f"a share of the infected is above 1: {self}")


@dataclass(frozen=True)
class Check:
    """
    One check on the way.

    Parameters
    ----------
    sees : {'symptoms', 'exposure'}
        What it looks for.
    sensitivity : float
        Probability that it finds what it looks for, when that is there.
    time : float
        When it is made, from departure on [days]; negative is before.
    false_alarm : float
        Probability that it stops somebody not infected.
    """

    sees: Literal["symptoms", "exposure"]
    sensitivity: float
    time: float = 0.0
    false_alarm: float = 0.0

    def __post_init__(self) -> None:
        if self.sees not in ("symptoms", "exposure"):
            raise ParameterError(f"a check sees symptoms or exposure, not '{self.sees}'")
        if not (0 <= self.sensitivity <= 1 and 0 <= self.false_alarm <= 1):
            raise ParameterError(f"sensitivity and false alarms lie in [0, 1]: {self}")


@dataclass(frozen=True)
class Screening:
    """
    What becomes of groups of infected travellers.

    Parameters
    ----------
    missed : float
        Mean share that passes every check.
    interval : (float, float)
        2.5 % and 97.5 % quantiles of the share missed, over groups.
    found : array (checks,)
        Mean share each check finds, of all infected travellers, in order of time.
    severe : float
        Mean share severely ill before arrival, and so noticed without a check.
    """

    missed: float
    interval: tuple[float, float]
    found: FloatArray
    severe: float


@dataclass(frozen=True)
class Finds:
    """
    What checks bring among a number of travellers.

    Parameters
    ----------
    found, missed : float
        Infected travellers found, and let pass [persons].
    false_alarms : float
        Travellers stopped who are not infected [persons].
    predictive_value : float
        Share of the stopped who are infected; NaN if nobody is stopped.
    """

    found: float
    missed: float
    false_alarms: float
    predictive_value: float


# Quilty et al. (2020), baseline scenario: incubation as Li et al. (2020, NEJM) report it.
# The two variances and the uniform time of travel are taken from the authors' published
# program (airport_screening), not from the article's table, which could not be read here.
QUILTY_COURSE = Course((5.2, 4.1), (9.1, 14.7), asymptomatic=0.17)
QUILTY_CHECKS = (Check("symptoms", 0.86, 0.0), Check("symptoms", 0.86, 0.5))


def passing_probability(
    since_infection: npt.ArrayLike, course: Course, checks: Sequence[Check]
) -> FloatArray:
    r"""
    Probability that an infected traveller passes every check.

    Parameters
    ----------
    since_infection : array
        Time from infection to departure [days]; nobody is infected on the way.
    course : Course
        Course of infection; severe illness plays no part here.
    checks : sequence of Check
        In any order.

    Returns
    -------
    array
        Of the shape of `since_infection`.

    Notes
    -----
    With symptoms after checks :math:`1..k` and before the others, only the others can see
    them. Summed over the intervals between checks,

    .. math:: [g \prod_e (1 - r_e) + 1 - g]\,[1 - f + f \sum_k P_k \prod_{s > k} (1 - s_s)]

    with :math:`f` the symptomatic share, :math:`g` the share of known exposures.

    References
    ----------
    Gostic et al. (2020), eLife 9: e55570, doi:10.7554/eLife.55570.
    """
    departed = np.asarray(since_infection, dtype=np.float64)
    law = _gamma(course.incubation)
    ordered = sorted((c for c in checks if c.sees == "symptoms"), key=lambda c: c.time)
    begun = [law.cdf(departed + check.time) for check in ordered]
    unseen = 1 - begun[-1] if begun else np.ones(departed.shape)
    earlier = np.zeros(departed.shape)
    for position, onset in enumerate(begun):
        escapes = np.prod([1 - check.sensitivity for check in ordered[position:]])
        unseen = unseen + (onset - earlier) * escapes
        earlier = onset
    undeclared = np.prod([1 - c.sensitivity for c in checks if c.sees == "exposure"])
    exposure = course.known_exposure * undeclared + 1 - course.known_exposure
    result: FloatArray = exposure * (course.asymptomatic + (1 - course.asymptomatic) * unseen)
    return result


def screen(
    course: Course,
    checks: Sequence[Check],
    journey: float,
    *,
    growth: float = 0.0,
    travellers: int = 100,
    groups: int = 1_000,
    seed: int = 0,
) -> Screening:
    """
    Draw groups of infected travellers and pass them through the checks.

    Parameters
    ----------
    course : Course
        Course of infection.
    checks : sequence of Check
        Nothing is found by a check after severe illness: that is noticed by itself.
    journey : float
        From departure to arrival [days].
    growth : float
        Growth rate of the epidemic at the origin [1/day]: the faster, the more recent are the
        infections of those who travel.
    travellers : int
        Infected travellers who board, in a group.
    groups : int
        Groups drawn; their spread is the interval.
    seed : int
        Seed of the generator.

    Returns
    -------
    Screening
        Shares found and missed.

    Notes
    -----
    A traveller leaves at any time between infection and severe illness, with density
    falling as exp(-growth x time); each course is as likely as another, whatever its length.
    Every group has exactly its share of asymptomatic travellers, who never fall ill. With no
    growth this is the model of Quilty et al.; of their 100 who plan to travel, half are
    severely ill before they leave, so that about 50 board.

    References
    ----------
    Quilty, Clifford, CMMID nCoV working group, Flasche & Eggo (2020), Euro Surveill 25(5):
    2000080, doi:10.2807/1560-7917.ES.2020.25.5.2000080.
    """
    if min(travellers, groups) < 1 or journey < 0:
        raise ParameterError("one traveller and one group at least, and no negative journey")
    generator = np.random.default_rng(seed)
    ordered = sorted(checks, key=lambda check: check.time)
    step = max(1, _CELLS // travellers)
    share = (1 - course.asymptomatic, course.asymptomatic)
    parts = []
    for start in range(0, groups, step):
        shape = (min(step, groups - start), travellers)
        kinds = [
            _outcomes(course, ordered, journey, growth, visible, shape, generator)
            for visible in (True, False)
        ]
        parts.append(share[0] * kinds[0] + share[1] * kinds[1])
    outcomes = np.concatenate(parts, axis=1)
    missed, severe, found = outcomes[0], outcomes[1].mean(), outcomes[2:].mean(axis=1)
    low, high = np.quantile(missed, (0.025, 0.975))
    return Screening(float(missed.mean()), (float(low), float(high)), found, float(severe))


def expected_finds(
    missed: float, infected: float, checks: Sequence[Check], travellers: float = 10_000
) -> Finds:
    """
    Count the finds and false alarms to expect among travellers.

    Parameters
    ----------
    missed : float
        Share of infected travellers who pass, as `screen` or `passing_probability` give it.
    infected : float
        Share of travellers who are infected.
    checks : sequence of Check
        Their false alarms, taken as independent.
    travellers : float
        Number of travellers.

    Returns
    -------
    Finds
        Expected numbers.
    """
    if not (0 <= missed <= 1 and 0 <= infected <= 1 and travellers >= 0):
        raise ParameterError("shares missed and infected lie in [0, 1], travellers above 0")
    carriers = travellers * infected
    alarm = 1 - float(np.prod([1 - check.false_alarm for check in checks]))
    alarms = (travellers - carriers) * alarm
    found = carriers * (1 - missed)
    stopped = found + alarms
    return Finds(found, carriers * missed, alarms, found / stopped if stopped else float("nan"))


def _gamma(moments: tuple[float, float]) -> stats.rv_frozen:
    mean, variance = moments
    from scipy import stats  # half a second to import, which counts of flows need not wait for

    return stats.gamma(mean**2 / variance, scale=variance / mean)


def _outcomes(
    course: Course,
    checks: Sequence[Check],
    journey: float,
    growth: float,
    visible: bool,  # noqa: FBT001 (one of the two kinds of travellers)
    shape: tuple[int, int],
    generator: np.random.Generator,
) -> FloatArray:
    """Shares missed, severe and found by each check, of groups alike in having symptoms."""
    onset = _gamma(course.incubation).rvs(shape, random_state=generator)
    severe = onset + _gamma(course.severe_after).rvs(shape, random_state=generator)
    chance = generator.random(shape)
    if growth:
        departed = -np.log1p(chance * np.expm1(-growth * severe)) / growth
    else:
        departed = chance * severe
    known = generator.random(shape) < course.known_exposure
    pending = np.ones(shape, dtype=bool)
    found = []
    for check in checks:
        at = departed + check.time
        there = known if check.sees == "exposure" else onset <= at if visible else False
        hit = pending & there & (generator.random(shape) < check.sensitivity)
        if visible:
            hit &= severe > at
        found.append(hit.mean(axis=1))
        pending &= ~hit
    ill = (severe <= departed + journey) if visible else np.zeros(shape, dtype=bool)
    return np.array([(pending & ~ill).mean(axis=1), (pending & ill).mean(axis=1), *found])
