"""Where one origin's vehicles go, and with which code: a whole-number programme and its bound."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.methods import solver

IntArray = npt.NDArray[np.int64]


def dispatch(people: pd.DataFrame, fleet: pd.DataFrame, seconds: float) -> tuple[pd.DataFrame, int]:
    """
    Choose destination and code of an origin's vehicles, so that most can go.

    Parameters
    ----------
    people : pandas.DataFrame
        Who can leave: destination, code, first and last day [days since 1970].
    fleet : pandas.DataFrame
        The origin's vehicles: vehicle, day [since 1970], seats, destination [empty: wherever it is
        sent].
    seconds : float
        Time for the solver.

    Returns
    -------
    pandas.DataFrame
        bound_for and code of the vehicles that are sent, under their index in `fleet`.
    int
        A number that no choice can exceed.

    Raises
    ------
    SolverError
        If the programme ends without a feasible point.

    Notes
    -----
    The programme is that of `returns.match`. Vehicles alike (day, seats, destination) are one kind,
    people of one stream and window one class.
    """
    streams = people[["destination", "code"]].drop_duplicates().reset_index(drop=True)
    streams["stream"] = np.arange(len(streams))
    classes = (
        people.merge(streams, on=["destination", "code"])
        .groupby(["stream", "first", "last"])
        .size()
        .reset_index(name="size")
    )
    alike = (
        fleet.fillna({"destination": "*"})
        .groupby(["day", "seats", "destination"], dropna=False)
        .agg(rows=("vehicle", lambda v: list(v.index)))
        .reset_index()
    )
    alike["number"] = alike["rows"].map(len)
    options = alike.reset_index(names="kind").merge(streams, how="cross", suffixes=("_own", ""))
    fixed = options["destination_own"]
    options = options[(fixed == "*") | (fixed == options["destination"])]
    used = options.merge(classes[["stream", "first", "last"]], on="stream")
    used = used[(used["first"] <= used["day"]) & (used["day"] <= used["last"])]
    options = options.merge(used[["kind", "stream"]].drop_duplicates(), on=["kind", "stream"])
    options = options.reset_index(drop=True)
    if options.empty:
        return fleet.iloc[:0], 0
    chosen, bound = _solve(classes, options, seconds)
    parts = []
    for kind, rows in options.assign(chosen=chosen).groupby("kind"):
        queue = alike["rows"].iloc[int(str(kind))]
        at = 0
        for destination, code, number in zip(
            rows["destination"], rows["code"], rows["chosen"], strict=True
        ):
            parts.append(
                pd.DataFrame(
                    {"bound_for": destination, "code": code}, index=queue[at : at + number]
                )
            )
            at += number
    return pd.concat(parts), bound


def _solve(classes: pd.DataFrame, options: pd.DataFrame, seconds: float) -> tuple[IntArray, int]:
    """Whole numbers of vehicles for each option, by HiGHS; and its proven bound."""
    single = options.groupby("kind")["stream"].transform("size") == 1
    cells = options[["day", "stream"]].drop_duplicates().reset_index(drop=True)
    cells["cell"] = np.arange(len(cells))
    sent = classes.reset_index(names="class").merge(cells, on="stream")
    sent = sent[(sent["first"] <= sent["day"]) & (sent["day"] <= sent["last"])]
    place = options.merge(cells, on=["day", "stream"])["cell"].to_numpy()
    flows, picks = len(sent), len(options)
    model = solver.open_highs()
    model.setOptionValue("time_limit", float(seconds))
    model.setOptionValue("mip_rel_gap", 1e-4)
    none = np.array([], dtype=np.int32)
    columns = flows + picks
    cost = np.concatenate([np.ones(flows), np.zeros(picks)])
    upper = np.concatenate([sent["size"].to_numpy(float), options["number"].to_numpy(float)])
    model.addCols(columns, cost, np.zeros(columns), upper, 0, none, none, np.array([]))
    # no vehicle carries more of a stream than can leave on its day: a tighter programme
    leaving = sent.groupby("cell")["size"].sum().reindex(range(len(cells)), fill_value=0)
    seats = np.minimum(options["seats"], leaving.to_numpy()[place]).to_numpy(float)
    _rows(model, sent["class"].to_numpy(), np.arange(flows), np.ones(flows),
          classes["size"].to_numpy(float))  # fmt: skip
    _rows(
        model,
        np.concatenate([sent["cell"].to_numpy(), place]),
        np.arange(columns),
        np.concatenate([np.ones(flows), -seats]),
        np.zeros(len(cells)),
    )
    base, gain = _gains(classes, options, single.to_numpy())
    _rows(
        model,
        np.concatenate([sent["stream"].to_numpy(), options["stream"].to_numpy()]),
        np.arange(columns),
        np.concatenate([np.ones(flows), -gain]),
        base,
    )
    kinds = options["kind"].to_numpy()
    numbers = options.groupby("kind")["number"].first().reindex(range(int(kinds.max()) + 1))
    _rows(model, kinds, flows + np.arange(picks), np.ones(picks), numbers.fillna(0).to_numpy(float))
    whole = flows + np.flatnonzero(~single.to_numpy())
    if whole.size:
        integer = _integer()
        model.changeColsIntegrality(
            whole.size, whole.astype(np.int32), np.array([integer] * whole.size)
        )
    model.changeObjectiveSense(_maximise())
    model.run()
    optimal = solver.require_point(model, "the matching of workers to vehicles")
    values = np.array(model.getSolution().col_value)[flows:]
    chosen = np.where(single, options["number"].to_numpy(), np.rint(values)).astype(np.int64)
    facts = model.getInfo()
    bound = facts.mip_dual_bound if whole.size else facts.objective_function_value
    if not optimal and not whole.size:
        bound = float(classes["size"].sum())
    return chosen, int(np.floor(min(bound, float(classes["size"].sum())) + 1e-6))


def _gains(
    classes: pd.DataFrame, options: pd.DataFrame, single: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """
    Bound each stream: what fixed vehicles carry alone, and what one more vehicle could add.

    A maximum flow is submodular in what is added at its sink: a stream's vehicles together add
    no more than the sum of what each would add alone. This bound makes the programme tight.
    """
    streams = int(options["stream"].max()) + 1
    base, gain = np.zeros(max(streams, int(classes["stream"].max()) + 1)), np.zeros(len(options))
    people = {
        int(str(stream)): list(zip(part["first"], part["last"], part["size"], strict=True))
        for stream, part in classes.sort_values("first").groupby("stream")
    }
    places = options.assign(place=np.arange(len(options)), single=single)
    for named, part in places.groupby("stream"):
        stream = int(str(named))
        fixed = part[part["single"]]
        room: dict[int, int] = {}
        for day, seats, number in zip(fixed["day"], fixed["seats"], fixed["number"], strict=True):
            room[int(day)] = room.get(int(day), 0) + int(seats * number)
        base[stream] = _carried(people[stream], room)
        known: dict[tuple[int, int], float] = {}
        for place, day, seats in zip(part["place"], part["day"], part["seats"], strict=True):
            key = (int(day), int(seats))
            if part["single"][place]:
                continue
            if key not in known:
                more = room | {key[0]: room.get(key[0], 0) + key[1]}
                known[key] = _carried(people[stream], more) - base[stream]
            gain[place] = known[key]
    return base, gain


def _carried(people: list[tuple[int, int, int]], room: dict[int, int]) -> float:
    """Most people that go, given the room of each day: the first whose window closes first."""
    heap: list[list[int]] = []
    at, gone = 0, 0
    for day in sorted(room):
        while at < len(people) and people[at][0] <= day:
            heapq.heappush(heap, [int(people[at][1]), at, int(people[at][2])])
            at += 1
        left = room[day]
        while left and heap:
            if heap[0][0] < day:
                heapq.heappop(heap)
                continue
            number = min(left, heap[0][2])
            left, gone = left - number, gone + number
            heap[0][2] -= number
            if not heap[0][2]:
                heapq.heappop(heap)
    return float(gone)


def _rows(
    model: Any,
    row: IntArray,
    column: IntArray,
    value: npt.NDArray[np.float64],
    upper: npt.NDArray[np.float64],
) -> None:
    """Add rows `sum value x column <= upper`, given as triplets."""
    order = np.argsort(row, kind="stable")
    starts = np.searchsorted(row[order], np.arange(upper.size))
    model.addRows(
        upper.size,
        np.full(upper.size, -np.inf),
        upper,
        order.size,
        starts.astype(np.int32),
        column[order].astype(np.int32),
        value[order],
    )


def _integer() -> Any:
    import highspy

    return highspy.HighsVarType.kInteger


def _maximise() -> Any:
    import highspy

    return highspy.ObjSense.kMaximize
