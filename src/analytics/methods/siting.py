"""Which premises to open for those who have no place: capacitated siting, with prices of beds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from analytics.errors import ParameterError
from analytics.methods.solver import open_highs, require_point

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Demand:
    """
    People without a place, one row per kind.

    Parameters
    ----------
    places : array (kinds,) of int
        Places asked for (beds, or rooms for families).
    room : array (kinds,) of int
        Type of room, from 0.
    needs : array (kinds, needs) of bool
        What the site must offer.
    origin : array (kinds,) of int
        Row of the distances.
    """

    places: Integers
    room: Integers
    needs: NDArray[np.bool_]
    origin: Integers


@dataclass(frozen=True)
class Candidates:
    """
    Premises that could be opened.

    Parameters
    ----------
    capacity : array (sites, types) of int
        Places by type of room.
    staff : array (sites,) of int
        Places that can be looked after, all types together.
    offers : array (sites, needs) of bool
        Needs met.
    opening, daily : array (sites,)
        Cost of opening [yuan]; cost of a place and day [yuan].
    """

    capacity: Integers
    staff: Integers
    offers: NDArray[np.bool_]
    opening: Floats
    daily: Floats


@dataclass(frozen=True)
class Siting:
    """
    Premises to open, and what it costs.

    Parameters
    ----------
    opened : array (sites,) of bool
        Whether to open.
    sent : array (kinds, sites) of int
        Places used.
    unmet : array (kinds,) of int
        Places still lacking.
    cost, lower, gap : float
        Cost reached, cost nothing can go below [yuan], relative difference.
    value : array (origins, types)
        What one place more there would save [yuan], premises opened as they are.
    lacking : array (kinds,) of int
        Places lacking even with every candidate open.
    """

    opened: NDArray[np.bool_]
    sent: Integers
    unmet: Integers
    cost: float
    lower: float
    gap: float
    value: Floats
    lacking: Integers


def choose(  # noqa: PLR0913 (one per choice)
    demand: Demand, candidates: Candidates, distance: ArrayLike, between: ArrayLike, *,
    days: int = 14, unmet_cost: float = 5000.0, kilometre_cost: float = 2.0,
    most: int | None = None, seconds: float = 60.0, tolerance: float = 1e-4,
) -> Siting:  # fmt: skip
    r"""
    Choose the premises to open.

    Parameters
    ----------
    demand : Demand
        Who has no place.
    candidates : Candidates
        What could be opened.
    distance : array (origins, sites)
        Kilometres to each candidate.
    between : array (origins, origins)
        Kilometres between origins, for the value of a place.
    days : int
        Days a place is paid for.
    unmet_cost : float
        Price of leaving a place lacking over these days [yuan].
    kilometre_cost : float
        Price of taking someone one kilometre [yuan].
    most : int, optional
        Premises opened at most.
    seconds, tolerance : float
        Time for the solver, and relative gap that is good enough.

    Returns
    -------
    Siting

    Raises
    ------
    ParameterError
        If the inputs do not fit together.
    SolverError
        If the solver ended without a feasible point.

    Notes
    -----
    .. math:: \min \sum_j f_j y_j + \sum_{kj} (h\,c_j + w\,d_{kj}) z_{kj} + P \sum_k u_k

    subject to :math:`\sum_j z_{kj} + u_k = n_k`, :math:`\sum_{k \in p} z_{kj} \le b_{jp} y_j`,
    :math:`\sum_k z_{kj} \le s_j y_j` and :math:`z_{kj} \le \min(n_k, b_{jp}) y_j`
    (Daskin 2013, Network and Discrete Location, chapter 7; the last rows, implied in whole
    numbers, tighten the linear relaxation). The value of a place is the dual price of one
    person more there in the linear programme with the premises fixed, or that of another
    origin less the way, whichever is more.
    """
    road, apart = np.asarray(distance, float), np.asarray(between, float)
    _check(demand, candidates, road, apart)
    kind, site = _pairs(demand, candidates)
    cost = candidates.daily[site] * days + kilometre_cost * road[demand.origin[kind], site]
    model = _model(demand, candidates, kind, site, cost, unmet_cost, most)
    solver = open_highs()
    solver.setOptionValue("mip_rel_gap", tolerance)
    solver.setOptionValue("time_limit", seconds)
    solver.passModel(model)
    solver.run()
    require_point(solver, "the choice of premises to open")
    found, sites = solver.getInfo(), len(candidates.staff)
    point = np.asarray(solver.getSolution().col_value)
    opened = point[:sites] > 0.5  # noqa: PLR2004 (whole numbers, near 0 or 1)
    sent = np.zeros((len(demand.places), sites), np.int64)
    sent[kind, site] = np.rint(point[sites : sites + len(kind)])
    unmet = demand.places - sent.sum(axis=1)
    value = float(found.objective_function_value)
    lower = min(float(found.mip_dual_bound), value) if np.isfinite(found.mip_dual_bound) else value
    return Siting(
        opened, sent, unmet, value, lower, (value - lower) / max(abs(value), 1e-9),
        _values(demand, model, opened, apart, kilometre_cost, candidates.capacity.shape[1]),
        _lacking(demand, candidates, kind, site),
    )  # fmt: skip


def _check(demand: Demand, candidates: Candidates, road: Floats, apart: Floats) -> None:
    sites = len(candidates.staff)
    breaches = []
    if road.shape[1:] != (sites,):
        breaches.append(f"distance has shape {road.shape}, for {sites} sites")
    if apart.shape != (len(road), len(road)):
        breaches.append(f"between has shape {apart.shape}, for {len(road)} origins")
    if demand.needs.shape[1:] != candidates.offers.shape[1:]:
        breaches.append("needs and offers have different numbers of columns")
    if len(demand.places) and (demand.places < 0).any():
        breaches.append("places asked for are not negative")
    if breaches:
        raise ParameterError("the siting's inputs do not fit together", breaches)


def _pairs(demand: Demand, candidates: Candidates) -> tuple[Integers, Integers]:
    """Kinds and the sites that could take them."""
    lacking = demand.needs.astype(np.int64) @ (~candidates.offers).T.astype(np.int64)
    room = candidates.capacity[:, demand.room].T > 0
    kind, site = np.nonzero((lacking == 0) & room & (candidates.staff > 0)[None, :])
    return kind.astype(np.int64), site.astype(np.int64)


def _model(
    demand: Demand, candidates: Candidates, kind: Integers, site: Integers, cost: Floats,
    unmet_cost: float, most: int | None,
) -> Any:  # fmt: skip
    """Columns: premises, places used, places lacking. Rows: kinds, rooms, staff, links, most."""
    import highspy

    kinds, sites, pairs = len(demand.places), len(candidates.staff), len(kind)
    types, infinite = candidates.capacity.shape[1], highspy.kHighsInf
    used, lacking = sites + np.arange(pairs), sites + pairs + np.arange(kinds)
    room_row = kinds + site * types + demand.room[kind]
    staff_row = kinds + sites * types + np.arange(sites)
    link_row = kinds + sites * types + sites + np.arange(pairs)
    most_row = kinds + sites * types + sites + pairs
    room_rows = kinds + np.arange(sites * types)
    ones = np.ones(pairs)
    limit = np.minimum(demand.places[kind], candidates.capacity[site, demand.room[kind]])
    row = [kind, np.arange(kinds), room_row, room_rows, staff_row[site], staff_row,
           link_row, link_row, np.full(sites, most_row)]  # fmt: skip
    column = [used, lacking, used, np.repeat(np.arange(sites), types), used, np.arange(sites),
              used, site, np.arange(sites)]  # fmt: skip
    value = [ones, np.ones(kinds), ones, -candidates.capacity.ravel(), ones, -candidates.staff,
             ones, -limit, np.ones(sites)]  # fmt: skip
    matrix = sparse.csc_array(
        (np.concatenate(value).astype(float), (np.concatenate(row), np.concatenate(column))),
        shape=(most_row + 1, sites + pairs + kinds),
    )
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = matrix.shape
    model.col_cost_ = np.concatenate([candidates.opening, cost, np.full(kinds, unmet_cost)])
    model.col_lower_ = np.zeros(matrix.shape[1])
    model.col_upper_ = np.concatenate([np.ones(sites), np.full(pairs + kinds, infinite)])
    asked = demand.places.astype(float)
    below = np.zeros(most_row - kinds)
    model.row_lower_ = np.concatenate([asked, np.full(len(below) + 1, -infinite)])
    model.row_upper_ = np.concatenate([asked, below, [sites if most is None else most]])
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    model.integrality_ = [highspy.HighsVarType.kInteger] * matrix.shape[1]
    return model


def _values(
    demand: Demand, model: Any, opened: NDArray[np.bool_], apart: Floats,
    kilometre_cost: float, types: int,
) -> Floats:  # fmt: skip
    """Price one place more, by origin and type."""
    import highspy

    sites = len(opened)
    lower, upper = np.asarray(model.col_lower_).copy(), np.asarray(model.col_upper_).copy()
    lower[:sites] = upper[:sites] = opened
    model.col_lower_, model.col_upper_ = lower, upper
    model.integrality_ = [highspy.HighsVarType.kContinuous] * model.num_col_
    solver = open_highs()
    solver.passModel(model)
    solver.run()
    require_point(solver, "the prices of places")
    price = np.asarray(solver.getSolution().row_dual)[: len(demand.places)]
    dearest = np.zeros((len(apart), types))
    asked = demand.places > 0
    np.maximum.at(dearest, (demand.origin[asked], demand.room[asked]), price[asked])
    reach = dearest[None, :, :] - kilometre_cost * apart[:, :, None]
    values: Floats = np.where(dearest[None] > 0, np.maximum(reach, 0.0), 0.0).max(axis=1)
    return values


def _lacking(demand: Demand, candidates: Candidates, kind: Integers, site: Integers) -> Integers:
    """Places lacking of each kind with every candidate open, as one flow."""
    model = _model(demand, candidates, kind, site, np.zeros(len(kind)), 1.0, None)
    model.col_cost_ = np.concatenate([
        np.zeros(len(candidates.staff) + len(kind)), np.ones(len(demand.places))
    ])  # fmt: skip
    solver = open_highs()
    solver.passModel(model)
    solver.run()
    require_point(solver, "what all candidates together could take")
    tail = np.asarray(solver.getSolution().col_value)[len(candidates.staff) + len(kind) :]
    rest: Integers = np.rint(tail).astype(np.int64)
    return rest
