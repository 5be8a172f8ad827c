"""
Chains of many clusters laid over one another: how many in each generation, and how many days in.

Tables
------
GENERATIONS
    setting, generation (first: nobody of the cluster infected them; second; third: and later;
    later: second and third together), persons, days [median from the cluster's first onset].
CLUSTER_COUNTS
    setting, status, county, clusters, persons.

Whoever is in several clusters counts in the one of most cases alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

GENERATIONS = ("first", "second", "third")
LATER = "later"


def once(clusters: ir.Table, members: ir.Table) -> ir.Table:
    """
    Keep of clusters with the same setting and members one: two registers may tell of one home.

    Parameters
    ----------
    clusters : CLUSTERS table
    members : MEMBERS table

    Returns
    -------
    CLUSTERS table
    """
    import ibis

    who = members.group_by("cluster").agg(
        who=members["person"].group_concat("/", order_by=members["person"])
    )
    named = clusters.join(who, "cluster")
    # the field may have confirmed it under either name
    rank = ibis.cases(
        (named["status"] == "confirmed", 0), (named["status"] == "declared", 1), else_=2
    )
    ranked = named.mutate(rank=rank)
    turn = ibis.window(group_by=["setting", "who"], order_by=["rank", "cluster"])
    placed = ranked.mutate(place=ibis.row_number().over(turn))
    return placed.filter(placed["place"] == 0).select(clusters.columns)


def counts(clusters: ir.Table, members: ir.Table) -> ir.Table:
    """
    Count clusters and their cases by setting, status and county.

    Parameters
    ----------
    clusters : CLUSTERS table
        Each once.
    members : MEMBERS table
        Of these and, possibly, others.

    Returns
    -------
    CLUSTER_COUNTS table
    """
    keys = ["setting", "status", "county"]
    named = clusters.mutate(county=clusters["county"].cast("string"))
    own = _own(named, members).join(named.select("cluster", *keys), "cluster")
    persons = own.group_by(*keys).agg(persons=own.count())
    both = named.group_by(*keys).agg(clusters=named.count()).left_join(persons, keys)
    return both.select(*keys, "clusters", persons=both["persons"].fill_null(0))


def _own(clusters: ir.Table, members: ir.Table) -> ir.Table:
    """Cluster and person, each person in the cluster of most cases alone."""
    import ibis

    inside = members.join(clusters.select("cluster", "cases"), "cluster")
    turn = ibis.window(group_by="person", order_by=[ibis.desc("cases"), "cluster"])
    placed = inside.mutate(place=ibis.row_number().over(turn))
    return placed.filter(placed["place"] == 0).select("cluster", "person")


def generations(clusters: ir.Table, members: ir.Table) -> ir.Table:
    """
    Lay the chains of all clusters over one another.

    Parameters
    ----------
    clusters : CLUSTERS table
        Each once.
    members : MEMBERS table
        Of these and, possibly, others.

    Returns
    -------
    GENERATIONS table
    """
    import ibis

    inside = members.join(clusters.select("cluster", "setting", "first_onset"), "cluster")
    inside = inside.mutate(after=inside["day"].delta(inside["first_onset"], unit="day"))
    first = inside.filter(inside["infector"].isnull())
    by_first = first.select("cluster", infector="person")
    second = inside.semi_join(by_first, ["cluster", "infector"])
    kept = ["setting", "after", "cluster", "person"]
    early = ibis.union(first.select(*kept), second.select(*kept))
    third = inside.anti_join(early, ["cluster", "person"])
    after_first = inside.filter(inside["infector"].notnull())
    levels = zip((*GENERATIONS, LATER), (first, second, third, after_first), strict=True)
    every = ibis.union(
        *(level.select(*kept).mutate(generation=ibis.literal(name)) for name, level in levels)
    )
    counted = every.semi_join(_own(clusters, members), ["cluster", "person"])
    return counted.group_by("setting", "generation").agg(
        persons=counted.count(), days=counted["after"].median()
    )
