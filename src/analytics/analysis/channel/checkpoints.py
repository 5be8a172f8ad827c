"""
Checkpoint plan: how many staff each gate needs, and where a budget of them averts most.

ARRIVALS
    gate, hour [0-23], arrivals [persons/hour].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics import engine
from analytics.errors import ParameterError
from analytics.methods import queueing

if TYPE_CHECKING:
    import ibis.expr.types as ir

FloatArray = npt.NDArray[np.float64]
HOURS = 24


@dataclass(frozen=True)
class CheckpointPlan:
    """
    A budget of staff, placed.

    Parameters
    ----------
    hours : pandas.DataFrame
        gate, hour, arrivals [persons/hour], needed [servers for the wait target], staff [servers
        placed], checked [persons/hour], averted [infections/hour].
    gates : pandas.DataFrame
        The same by gate, a day's sums, with unchecked [persons/day] and share_checked.
    budget, needed : int
        Server-hours to place, and needed for the wait target everywhere.
    averted, most : float
        Exportation the plan averts, and would if everybody were checked [infections/day].
    shadow_price : float
        What one more server-hour would avert [infections].
    """

    hours: pd.DataFrame
    gates: pd.DataFrame
    budget: int
    needed: int
    averted: float
    most: float
    shadow_price: float

    @property
    def spare(self) -> int:
        """Server-hours that would avert nothing more wherever they stood."""
        return self.budget - int(self.hours["staff"].sum())

    @property
    def short(self) -> int:
        """Server-hours lacking for the wait target everywhere."""
        return max(0, self.needed - self.budget)


def arrivals(passes: ir.Table, connection: Any) -> pd.DataFrame:
    """
    Mean arrivals by gate and hour of day.

    Parameters
    ----------
    passes : CHECKPOINT_PASSES table
    connection : ibis.BaseBackend

    Returns
    -------
    ARRIVALS table
        Averaged over the days from the first to the last check of all gates; every hour of every
        gate has a row.
    """
    at = passes.mutate(hour=passes["passed"].hour(), day=passes["passed"].date())
    counted = engine.collect(at.group_by("gate", "hour").agg(checks=at.count()), connection)
    span = engine.collect(at.agg(first=at["day"].min(), last=at["day"].max()), connection)
    if counted.empty:
        return pd.DataFrame(columns=["gate", "hour", "arrivals"])
    days = (span["last"][0] - span["first"][0]).days + 1
    grid = pd.MultiIndex.from_product(
        [sorted(counted["gate"].unique()), range(HOURS)], names=["gate", "hour"]
    )
    mean = counted.set_index(["gate", "hour"])["checks"].astype("float64") / days
    found: pd.DataFrame = mean.reindex(grid, fill_value=0.0).rename("arrivals").reset_index()
    return found


def plan(
    arrivals: pd.DataFrame,
    infectious: Mapping[str, float],
    budget: int,
    *,
    found: float,
    service: float = 1.0,
    target: float = 10.0,
    level: float = 0.9,
    lanes: Mapping[str, int] | None = None,
) -> CheckpointPlan:
    """
    Place a budget of server-hours where checks avert most exportation.

    Parameters
    ----------
    arrivals : ARRIVALS table
    infectious : mapping of str to float
        Share of a gate's travellers who are infectious, such as their origins' prevalence.
    budget : int
        Server-hours of the day.
    found : float
        Share of the infected that a check finds, such as 1 - `gates.screen(...).missed`.
    service : float
        Mean time of a check [min].
    target, level : float
        Wait [min] that a share of travellers shall not exceed.
    lanes : mapping of str to int, optional
        Most servers at a gate; no limit where it is not named.

    Returns
    -------
    CheckpointPlan
        A budget that covers the wait target keeps it first. Travellers who find all servers
        busy are waved through.

    Raises
    ------
    ParameterError
        If the budget is negative, or shares are no shares.
    """
    wide = arrivals.pivot_table(
        index="gate", columns="hour", values="arrivals", aggfunc="sum", fill_value=0.0
    ).reindex(columns=range(HOURS), fill_value=0.0)
    share = np.array([infectious.get(str(gate), 0.0) for gate in wide.index])
    if budget < 0 or not 0 <= found <= 1 or ((share < 0) | (share > 1)).any():
        raise ParameterError("a budget of 0 or more and shares within [0, 1] are needed")
    rate = wide.to_numpy(np.float64)
    value = np.broadcast_to((share * found)[:, None], rate.shape)
    needed = queueing.staff(rate, service, target, level).staff
    room = [(lanes or {}).get(str(gate), int(2 * rate.size + needed.max())) for gate in wide.index]
    most = np.broadcast_to(np.array(room, dtype=np.int64)[:, None], rate.shape)
    most = np.minimum(most, np.maximum(2 * needed + 3, 1))
    least = np.minimum(needed, most) if needed.sum() <= budget else 0
    placed = queueing.allocate(rate, service, value, budget, least=least, most=most)
    return _told(wide, placed, needed, budget, float((rate * value).sum()))


def _told(
    wide: pd.DataFrame,
    placed: queueing.Allocation,
    needed: npt.NDArray[np.int64],
    budget: int,
    most: float,
) -> CheckpointPlan:
    index = pd.MultiIndex.from_product([wide.index, range(HOURS)], names=["gate", "hour"])
    hours = pd.DataFrame(
        {
            "arrivals": wide.to_numpy(np.float64).ravel(),
            "needed": needed.ravel(),
            "staff": placed.staff.ravel(),
            "checked": placed.checked.ravel(),
            "averted": placed.averted.ravel(),
        },
        index=index,
    )
    gates = hours.groupby("gate").sum()
    gates["unchecked"] = gates["arrivals"] - gates["checked"]
    gates["share_checked"] = gates["checked"] / gates["arrivals"].where(gates["arrivals"] > 0)
    return CheckpointPlan(
        hours.reset_index(),
        gates.sort_values("averted", ascending=False).reset_index(),
        int(budget),
        int(needed.sum()),
        float(placed.averted.sum()),
        most,
        float(placed.shadow_price[0]),
    )


def explain(plan: CheckpointPlan) -> list[dict[str, str]]:
    """
    Say in numbers what a budget does, and what lacks.

    Parameters
    ----------
    plan : CheckpointPlan

    Returns
    -------
    list of dict
        ``zh`` and ``en`` of each line: first whether the budget is enough, then what it does if
        it is not, or what could be spared.
    """
    if not plan.short:
        enough = {
            "zh": f"{plan.budget}个人时可满足全部{len(plan.gates)}个卡口的等候目标"
            f"（需{plan.needed}个人时）。",
            "en": f"{plan.budget:,} staff-hours keep the wait target at all {len(plan.gates)} "
            f"gates ({plan.needed:,} are needed).",
        }
        spare = {
            "zh": f"其中{plan.spare}个人时放在任何卡口都不再多拦截，可另作他用。",
            "en": f"{plan.spare:,} of them would avert nothing more at any gate and could be "
            "spared.",
        }
        return [enough, spare] if plan.spare else [enough]
    share = plan.averted / plan.most if plan.most else 0.0
    unchecked = float(plan.gates["unchecked"].sum())
    return [
        {
            "zh": f"要在全部{len(plan.gates)}个卡口满足等候目标需{plan.needed}个人时，"
            f"现有{plan.budget}个，缺{plan.short}个。",
            "en": f"The wait target at all {len(plan.gates)} gates needs {plan.needed:,} "
            f"staff-hours; {plan.budget:,} are there, {plan.short:,} short.",
        },
        {
            "zh": f"按拦截输出最多分配：每日约{unchecked:.0f}人未经检查，"
            f"拦截可拦截输出的{share:.0%}；每增加1个人时多拦截{plan.shadow_price:.2g}例。",
            "en": f"Placed where they avert most, about {unchecked:,.0f} travellers a day go "
            f"unchecked and {share:.0%} of what checks could avert is averted; one more "
            f"staff-hour averts {plan.shadow_price:.2g} infections.",
        },
    ]
