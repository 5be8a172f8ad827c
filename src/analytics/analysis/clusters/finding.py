"""
Clusters that linked records show, their members and chains, and what of them grades.

Tables
------
CLUSTERS
    cluster (its name: setting, place and first day), setting, county, cases, first_onset,
    latest_onset, since (day it became a cluster), status (found; declared by the field but
    not confirmed; confirmed; refuted).
MEMBERS
    cluster, person, case_number, county, day, order (from 1), infector (person, empty for
    the first and where nobody came before in time), chance (of that infector among the
    members before).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from analytics.analysis.clusters import places

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.clusters.rules import Rules

_LONGEST = 60  # days; beyond, no serial interval


@dataclass(frozen=True, eq=False)
class Found:
    """
    Clusters of a day: each table is an expression, worked out when it is asked for.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    rules : Rules
    as_of : date
    answered : ibis.Table, optional
        As `find` takes it.
    """

    linked: Mapping[str, ir.Table]
    rules: Rules
    as_of: date
    answered: ir.Table | None = None

    @cached_property
    def _placed(self) -> ir.Table:
        present = places.presences(self.linked, self.rules, self.as_of)
        return _grouped(present, self.rules, self.as_of)

    @cached_property
    def clusters(self) -> ir.Table:
        """CLUSTERS table."""
        placed = self._placed
        found = placed.group_by("cluster", "setting").agg(
            county=placed["county"].argmin(placed["order"]),
            cases=placed.count(),
            first_onset=placed["day"].min(),
            latest_onset=placed["day"].max(),
            since=placed["day"].min(where=placed["full"]),
            first=placed["person"].argmin(placed["order"]),
        )
        stated = _stated(found, self.linked.get("cluster_events"), self.as_of)
        return _answered(stated, self.answered)

    @cached_property
    def members(self) -> ir.Table:
        """MEMBERS table."""
        return _chained(self._placed, self.rules)


def find(
    linked: Mapping[str, ir.Table],
    rules: Rules,
    as_of: date,
    answered: ir.Table | None = None,
) -> Found:
    """
    Find clusters in linked records.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
        Feeds with ``person``: cases, registers, placements, tickets, cluster_events; those
        that are missing count as empty, cases apart.
    rules : Rules
        The edition in force on the day decides how many cases within how many days.
    as_of : date
        Only what was known by 24:00 of this day is used.
    answered : ibis.Table, optional
        ``person``, ``sure``: first cases of clusters that the field was asked about, and whether
        it confirmed the cluster. Its answer goes before what departments declared.

    Returns
    -------
    Found
        Tables ``clusters`` (CLUSTERS) and ``members`` (MEMBERS).

    Raises
    ------
    ParameterError
        If no definition was in force yet.

    Notes
    -----
    Cases of one place, in order of onset, stay together while the next falls within the
    days of the definition after the one before; such a group is a cluster if at least so
    many cases lie within so many days of each other. Of the members with an earlier onset
    the likeliest infector is the one whose distance in days the discrete serial interval
    gives most weight; the chance is its share of the weight of all of them (as Wallinga and
    Teunis 2004 weigh pairs, within the cluster).
    """
    rules.on(as_of)
    return Found(linked, rules, as_of, answered)


def _grouped(present: ir.Table, rules: Rules, as_of: date) -> ir.Table:
    """Presences in a cluster, with its name, their order, and whether it was full by then."""
    import ibis

    rule = rules.on(as_of)
    place = ["setting", "place"]
    here = present.mutate(at=-ibis.literal(as_of).delta(present["day"], unit="day"))
    order = ibis.window(group_by=place, order_by=["at", "case_number"])
    gap = here["at"] - here["at"].lag().over(order)
    apart = (gap.isnull() | (gap >= rule.days)).cast("int64")
    dated = here.mutate(apart=apart)
    spell = ibis.window(group_by=place, order_by=["at", "case_number"], preceding=None, following=0)
    spelt = dated.mutate(spell=dated["apart"].sum().over(spell))
    recent = ibis.window(group_by=place, order_by="at", range=(1 - rule.days, 0))
    spelt = spelt.mutate(near=spelt["person"].count().over(recent))
    own = ibis.window(group_by=[*place, "spell"])
    whole = spelt.mutate(
        most=spelt["near"].max().over(own),
        began=spelt["day"].min().over(own),
        full=spelt["near"] >= rule.cases,
    )
    kept = whole.filter(whole["most"] >= rule.cases)
    turn = ibis.window(group_by=[*place, "spell"], order_by=["at", "case_number"])
    name = kept["setting"].concat("/", kept["place"], "/", kept["began"].cast("string"))
    return kept.mutate(order=ibis.row_number().over(turn) + 1, cluster=name).select(
        "cluster", "setting", "person", "case_number", "county", "day", "at", "order", "full"
    )


def _stated(found: ir.Table, events: ir.Table | None, as_of: date) -> ir.Table:
    """Status by the field's own reports: of one setting and county, on overlapping days."""
    import ibis

    if events is None:
        return found.mutate(status=ibis.literal("found"))
    told = events.filter(events["reported"] <= as_of)
    said = told.select(
        county_="county",
        setting_="setting",
        begin=told["first_onset"].coalesce(told["latest_onset"], told["reported"]),
        end=told["latest_onset"].coalesce(told["first_onset"], told["reported"]),
        sure=told["confirmed"].fill_null(ibis.literal(value=False)),
    )
    met = found.select("cluster", "county", "setting", "first_onset", "latest_onset")
    pair = met.join(said, (met["county"] == said["county_"]) & (met["setting"] == said["setting_"]))
    pair = pair.filter(
        (pair["begin"] <= pair["latest_onset"]) & (pair["end"] >= pair["first_onset"])
    )
    best = pair.group_by("cluster").agg(sure=pair["sure"].any())
    both = found.left_join(best, "cluster")
    status = both["sure"].isnull().ifelse("found", both["sure"].ifelse("confirmed", "declared"))
    return both.mutate(status=status).select(*found.columns, "status")


def _answered(stated: ir.Table, answered: ir.Table | None) -> ir.Table:
    """Status by the field's answers about first cases, where there are any."""
    if answered is None:
        return stated.drop("first")
    said = answered.select(first="person", sure="sure")
    both = stated.left_join(said, "first")
    answer = both["sure"].ifelse("confirmed", "refuted")
    status = both["sure"].isnull().ifelse(both["status"], answer)
    return both.mutate(status=status).select(*(n for n in stated.columns if n != "first"))


def _chained(placed: ir.Table, rules: Rules) -> ir.Table:
    """Members with the likeliest infector among those with an earlier onset."""
    import ibis

    weights = _weights(rules)
    later = placed.select("cluster", "person", "at", "order")
    earlier = placed.select("cluster", infector="person", before="at", place="order")
    pair = later.join(earlier, "cluster")
    pair = pair.filter(pair["at"] > pair["before"])
    pair = pair.mutate(days=(pair["at"] - pair["before"]).clip(0, _LONGEST).cast("int64"))
    weighed = pair.join(weights, "days")
    own = ibis.window(group_by=["cluster", "person"])
    best = ibis.window(
        group_by=["cluster", "person"], order_by=[ibis.desc("weight"), ibis.asc("place")]
    )
    shared = weighed.mutate(
        chance=weighed["weight"] / weighed["weight"].sum().over(own),
        rank=ibis.row_number().over(best),
    )
    first = shared.filter(shared["rank"] == 0).select("cluster", "person", "infector", "chance")
    both = placed.left_join(first, ["cluster", "person"])
    return both.select(
        "cluster", "person", "case_number", "county", "day", "order", "infector", "chance"
    )


def _weights(rules: Rules) -> ir.Table:
    """Discrete serial interval by days; least weight where it has none, so that ties part."""
    import ibis
    import numpy as np
    import pyarrow as pa

    from analytics.methods.serial_interval import SerialInterval

    rule = rules.serial_interval
    weight = SerialInterval(rule.mean, rule.deviation).weights(_LONGEST + 1)
    days = np.arange(_LONGEST + 1)
    return ibis.memtable(pa.table({"days": days, "weight": np.maximum(weight, 1e-12)}))


def graded(clusters: ir.Table, events: ir.Table | None, as_of: date) -> ir.Table:
    """
    Give clusters as grading takes them: a county and a day on which one happened.

    Parameters
    ----------
    clusters : CLUSTERS table
        Those of status ``confirmed`` count; others wait for the field's word.
    events : CLUSTER_EVENTS table, optional
        Clusters the field reported; confirmed ones count whether found here or not.
    as_of : date
        Later reports are left out.

    Returns
    -------
    ibis.Table
        adcode, first_date and last_date (both the day of the cluster's latest case),
        cluster (yes). To be collected and handed to ``risk.grade`` as ``clusters``.
    """
    import ibis

    sure = clusters.filter(clusters["status"] == "confirmed")
    parts = [sure.select(adcode="county", first_date="latest_onset")]
    if events is not None:
        told = events.filter(
            events["confirmed"].fill_null(ibis.literal(value=False)) & (events["reported"] <= as_of)
        )
        day = told["latest_onset"].coalesce(told["reported"])
        parts.append(told.select(adcode="county", first_date=day))
    every = ibis.union(*parts, distinct=True) if len(parts) > 1 else parts[0].distinct()
    return every.mutate(last_date=every["first_date"], cluster=ibis.literal(value=True))
