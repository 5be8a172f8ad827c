"""
What share of its prefecture's cases falls to each county, and how sure that is.

Tables
------
SHARES
    adcode (county), share [of the prefecture's cases, 0 to 1], spread [standard deviation of its
    logit; 0 where the county is all of its prefecture], basis (sole, later, density, residents,
    equal).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from analytics.study import GradeUncertainty


def shares(
    areas: pd.DataFrame,
    population: pd.DataFrame,
    uncertainty: GradeUncertainty,
    later: pd.DataFrame | None = None,
    extent: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    Split each prefecture's cases over its counties.

    Parameters
    ----------
    areas : AREAS table
    population : pandas.DataFrame
        adcode, population [persons].
    uncertainty : GradeUncertainty
        Lean towards dense counties, and spreads.
    later : pandas.DataFrame, optional
        adcode, confirmed: a later cumulative state, whose shares are used where a county is in
        it; what it lacks is split as without it. Its use makes all that follows retrospective.
    extent : pandas.DataFrame, optional
        adcode, area_km2; without it shares follow residents.

    Returns
    -------
    SHARES table
        One row per county of ``areas``, in its order; shares of a prefecture sum to 1.

    Notes
    -----
    Without a later state the share of county i is proportional to P_i (P_i / A_i)^b, residents P
    and area A, b the elasticity. A county without residents on record counts as the mean of
    its prefecture, without area as its prefecture's mean density.
    """
    table = areas[["adcode", "prefecture"]].reset_index(drop=True)
    known = population.drop_duplicates("adcode").set_index("adcode")
    residents = table["adcode"].map(known["population"]).astype("float64")
    weight = _or_mean(residents, table["prefecture"])
    basis = pd.Series("residents", index=table.index)
    if extent is not None and uncertainty.density_elasticity:
        area = extent.drop_duplicates("adcode").set_index("adcode")["area_km2"]
        density = residents / table["adcode"].map(area).astype("float64")
        logs = pd.Series(np.log(density.to_numpy()), index=table.index)
        lean = _or_mean(logs, table["prefecture"], absent=0.0)
        weight = weight * np.exp(uncertainty.density_elasticity * lean)
        basis = basis.mask(density.notna(), "density")
    basis = basis.mask(residents.isna(), "equal")
    share = weight / weight.groupby(table["prefecture"]).transform("sum")
    spread = pd.Series(uncertainty.share_spread, index=table.index)
    if later is not None:
        share, found = _later(table, share, later)
        basis, spread = basis.mask(found, "later"), spread.mask(found, uncertainty.later_spread)
    sole = table.groupby("prefecture")["adcode"].transform("size") == 1
    return pd.DataFrame(
        {
            "adcode": table["adcode"],
            "share": share.mask(sole, 1.0),
            "spread": spread.mask(sole, 0.0),
            "basis": basis.mask(sole, "sole"),
        }
    )


def _or_mean(values: pd.Series, groups: pd.Series, absent: float = 1.0) -> pd.Series:
    """Values, or the mean of their group where they are unknown."""
    return values.fillna(values.groupby(groups).transform("mean")).fillna(absent)


def _later(
    table: pd.DataFrame, share: pd.Series, later: pd.DataFrame
) -> tuple[pd.Series, pd.Series]:
    """
    Shares of a later state, and which counties it says something of.

    Counties it lacks keep their share of the prefecture, and the others divide the rest.
    """
    state = later.dropna(subset=["confirmed"]).drop_duplicates("adcode").set_index("adcode")
    cases = table["adcode"].map(state["confirmed"]).astype("float64")
    found = cases.notna()
    groups = table["prefecture"]
    total = cases.groupby(groups).transform("sum")
    found &= total > 0
    kept = share.where(~found, 0).groupby(groups).transform("sum")
    return share.mask(found, (1 - kept) * cases / total.mask(total == 0, 1)), found
