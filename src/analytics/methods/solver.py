"""A silent HiGHS: nothing on standard output, and only answers that prove something."""

from __future__ import annotations

import os
import threading
from typing import Any

from analytics.errors import SolverError

_opening = threading.Lock()


class OutOfTime(SolverError):  # noqa: N818 - what happened, not a fault
    """A limit was reached before any feasible point was found."""


def open_highs(*, threads: int = 1, seed: int = 0) -> Any:
    """
    Open HiGHS without its banner.

    Parameters
    ----------
    threads : int
        Threads it may use.
    seed : int
        Seed of its own random choices.

    Returns
    -------
    highspy.Highs
        A solver that prints nothing.

    Notes
    -----
    The first solver of a process writes a banner from C, past ``sys.stdout`` and before any
    option can be set; file descriptor 1 points to nowhere while a solver is constructed.
    """
    import highspy

    with _opening:
        kept, nowhere = _duplicate(1), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 1)
            model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        finally:
            os.close(nowhere)
            if kept is None:
                os.close(1)
            else:
                os.dup2(kept, 1)
                os.close(kept)
    model.silent()
    model.setOptionValue("threads", threads)
    model.setOptionValue("random_seed", seed)
    return model


def require_point(model: Any, what: str) -> bool:
    """
    Tell whether a solved model holds the optimum, or at least a feasible point.

    Parameters
    ----------
    model : highspy.Highs
        A model that ran.
    what : str
        What was solved, for the message.

    Returns
    -------
    bool
        True if optimal, False if merely feasible (a limit was reached).

    Raises
    ------
    SolverError
        If it ended in any other state: infeasible or unbounded; `OutOfTime` if a limit was
        reached without a point.
    """
    import highspy

    state = model.getModelStatus()
    if state in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kModelEmpty):
        return True
    feasible = int(highspy.SolutionStatus.kSolutionStatusFeasible)
    limits = (
        highspy.HighsModelStatus.kTimeLimit,
        highspy.HighsModelStatus.kIterationLimit,
        highspy.HighsModelStatus.kSolutionLimit,
        highspy.HighsModelStatus.kInterrupt,
    )
    if state in limits and int(model.getInfo().primal_solution_status) == feasible:
        return False
    raise (OutOfTime if state in limits else SolverError)(
        f"{what} ended as {model.modelStatusToString(state)}",
        (),
        "allow more time, or look at what was asked: nothing was placed",
    )


def _duplicate(descriptor: int) -> int | None:
    """Duplicate a file descriptor; None if the process closed it."""
    try:
        return os.dup(descriptor)
    except OSError:
        return None
