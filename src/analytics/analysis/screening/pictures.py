"""The clinical picture at each visit, by three-valued rules: what is not known is not absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.analysis.screening import records

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.protocols import Diagnosis, PictureRule, Protocols
    from analytics.analysis.screening.records import Linked

FEATURES = ("fever_or_respiratory", "imaging", "lymphocytes_low", "exposure")


def closings(linked: Linked, as_of: date) -> ir.Table:
    """
    Up to when a person's suspicions were answered.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    as_of : date

    Returns
    -------
    ibis.Table
        person, closed (moment). A doctor's exclusion answers what came up to then, an
        excluded case what came up to its report, and recovery what came before.
    """
    import ibis

    seen = records.visits(linked, as_of)
    by_doctor = seen.filter(seen["diagnosis"] == "excluded").select("person", closed="visited")
    found = records.cases(linked, as_of)
    found = found.filter(found["person"].notnull())
    excluded = found.filter(found["classification"] == "excluded")
    whole = ibis.interval(days=1)
    by_class = excluded.select("person", closed=excluded["reported"].cast("timestamp(6)") + whole)
    better = found.filter(found["ended"] == "recovered")
    day = better["ended_on"].coalesce(better["reported"]).cast("timestamp(6)")
    every = ibis.union(by_doctor, by_class, better.select("person", closed=day + whole))
    return every.group_by("person").agg(closed=every["closed"].max())


def still_open(rows: ir.Table, moment: str, closed: ir.Table) -> ir.Table:
    """Rows about somebody that nothing later, or at that moment, has answered."""
    joined = rows.left_join(closed, "person")
    later = joined["closed"].isnull() | (joined[moment] > joined["closed"])
    return joined.filter(later).select(rows.columns)


def open_visits(linked: Linked, closed: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
    """Visits to fever clinics that are not answered yet."""
    seen = records.visits(linked, as_of, protocols.picture.fever_celsius)
    return still_open(seen, "visited", closed)


def visits(
    linked: Linked, contacts: ir.Table, closed: ir.Table, protocols: Protocols, as_of: date
) -> ir.Table:
    """
    Give each visit to a fever clinic that is not answered yet its picture.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    contacts : CONTACTS_MADE table
    closed : ibis.Table
        Of `closings`.
    protocols : Protocols
    as_of : date

    Returns
    -------
    ibis.Table
        One row per visit: person, visit_number, visited, county, onset, fever, diagnosis,
        and each of `FEATURES` as yes, no or unknown, over the visits of the days before
        that count as the same illness.
    """
    import ibis

    numbers = protocols.picture
    seen = open_visits(linked, closed, protocols, as_of)
    day = seen["visited"].date()
    seen = seen.mutate(
        place=-ibis.literal(as_of).delta(day, unit="day"),
        symptom=seen["fever"] | seen["respiratory"],
    )
    illness = ibis.window(
        group_by="person",
        order_by="place",
        range=(1 - numbers.combine_days, 0),
    )
    parts = {"fever_or_respiratory": "symptom"}
    over = {name: seen[parts.get(name, name)].any().over(illness) for name in FEATURES}
    combined = records.without(seen.mutate(**over), "place", "symptom", "respiratory")
    return _exposed(combined, linked, contacts, protocols, as_of)


def _exposed(
    seen: ir.Table, linked: Linked, contacts: ir.Table, protocols: Protocols, as_of: date
) -> ir.Table:
    """Exposure as stated at the clinic, declared, or known from contacts."""
    import ibis

    window = ibis.interval(days=protocols.picture.exposure_days)
    met = contacts.filter(records.sure(contacts["holds"])).select("person", "first", "last")
    if "declarations" in linked:
        told = records.declarations(linked, as_of, protocols.picture.fever_celsius)
        told = told.filter(records.sure(told["contact"] | told["travel"]))
        day = told["declared"].date()
        met = ibis.union(met, told.select("person", first=day, last=day))
    ill = seen.select("person", "visit_number", "onset", day=seen["visited"].date())
    pair = ill.join(met, "person")
    fits = pair.filter((pair["last"] >= pair["onset"] - window) & (pair["first"] <= pair["day"]))
    found = fits.select("visit_number").distinct().mutate(exposed=ibis.literal(value=True))
    both = seen.left_join(found, "visit_number")
    return both.mutate(exposure=both["exposed"].coalesce(both["exposure"])).select(seen.columns)


def edition_in(county: ir.Value, editions: tuple[Diagnosis, ...]) -> ir.Value:
    """Edition that applies in a county, as its position: the first whose region it lies in."""
    import ibis

    *named, _ = editions
    branches = [
        (records.sure(ibis.or_(*(county.startswith(r) for r in edition.regions))), place)
        for place, edition in enumerate(named)
    ]
    general = ibis.literal(len(named), "int8")
    return ibis.cases(*branches, else_=general) if branches else general


def rules_of(
    editions: tuple[Diagnosis, ...],
) -> dict[tuple[str, PictureRule], list[int]]:
    """Each rule on the picture with its category, and the positions of editions that have it."""
    found: dict[tuple[str, PictureRule], list[int]] = {}
    for place, edition in enumerate(editions):
        counted = edition.clinical if edition.clinical_counts else ()
        for category, rules in (("suspected", edition.suspected), ("confirmed", counted)):
            for rule in rules:
                found.setdefault((category, rule), []).append(place)
    return found


def rule_holds(rule: PictureRule, seen: ir.Table) -> ir.Value:
    """
    Whether a rule holds at each visit: yes, no, or unknown.

    Notes
    -----
    Of features of which t are present and u unknown, "at least k" is yes if t ≥ k, no if
    t + u < k, and unknown else.
    """
    import ibis

    parts = [seen[name] for name in rule.needs]
    if rule.at_least:
        present = sum(records.sure(seen[name]).cast("int8") for name in rule.of)
        possible = sum(records.possible(seen[name]).cast("int8") for name in rule.of)
        parts.append(
            ibis.cases(
                (present >= rule.at_least, ibis.literal(value=True)),
                (possible < rule.at_least, ibis.literal(value=False)),
            )
        )
    return ibis.and_(*parts)


def matching(seen: ir.Table, editions: tuple[Diagnosis, ...]) -> ir.Table:
    """
    Whether each person's picture matches that of a suspected case.

    Returns
    -------
    ibis.Table
        person, picture: yes at any visit, no at every one, or unknown.
    """
    import ibis

    place = edition_in(seen["county"], editions)
    # the rules of other editions count as not held
    parts = [
        place.isin(places).ifelse(rule_holds(rule, seen), ibis.literal(value=False))
        for (category, rule), places in rules_of(editions).items()
        if category == "suspected"
    ]
    every = seen.select("person", holds=ibis.or_(*parts))
    return every.group_by("person").agg(
        picture=ibis.cases(
            (records.sure(every["holds"].any()), ibis.literal(value=True)),
            (every["holds"].isnull().any(), ibis.null("boolean")),
            else_=ibis.literal(value=False),
        )
    )
