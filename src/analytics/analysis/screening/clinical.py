"""What cases and visits say: class, outcome, diagnosis, and the picture by the edition's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.analysis.screening import pictures, records
from analytics.analysis.screening.evidence import match

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.evidence import Evidence
    from analytics.analysis.screening.protocols import Diagnosis
    from analytics.analysis.screening.records import Linked


def _named(place: ir.Value, editions: tuple[Diagnosis, ...]) -> ir.Value:
    return place.cases(*((number, edition.edition) for number, edition in enumerate(editions)))


def _counting(place: ir.Value, editions: tuple[Diagnosis, ...]) -> ir.Value:
    """Whether clinical diagnosis counts as confirmed in the edition at a position."""
    counted = [number for number, edition in enumerate(editions) if edition.clinical_counts]
    return place.isin(counted)


def cases(
    linked: Linked, editions: tuple[Diagnosis, ...], cleared: ir.Table, as_of: date
) -> list[Evidence]:
    """Outcomes and classes of cases; `cleared` are those whom tests excluded."""
    import ibis

    found = records.cases(linked, as_of)
    found = found.filter(found["person"].notnull())
    ended = found.filter(found["ended"].notnull())
    died = ended["ended"] == "died"
    ends = match(
        ended, died.ifelse("dead", "recovered"), ibis.literal("outcome_") + ended["ended"], "cases",
        record="case_number", feature="outcome",
        date=ended["ended_on"].coalesce(ended["reported"]), value=ended["ended"],
    )  # fmt: skip
    place = pictures.edition_in(found["reporting_county"], editions)
    active = found.mutate(place=place, counts=_counting(place, editions))
    active = active.filter(
        active["ended"].isnull() & active["classification"].notnull()
        & (active["classification"] != "excluded")
    )  # fmt: skip
    word, counts = active["classification"], active["counts"]
    category = ibis.cases(((word == "clinical") & counts, "confirmed"),
                          (word == "clinical", "suspected"), else_=word)  # fmt: skip
    rule = ((word == "clinical") & ~counts).ifelse(
        "class_clinical_uncounted", ibis.literal("class_") + word
    )
    day = (word == "confirmed").ifelse(
        active["confirmed"].coalesce(active["reported"]), active["reported"]
    )
    held = active.mutate(category=category, rule=rule, day=day)
    doubted = (held["category"] == "suspected") & held["person"].isin(cleared["person"])
    held = held.filter(~doubted)
    classes = match(held, held["category"], held["rule"], "cases", record="case_number",
                     feature="classification", date=held["day"], value=held["classification"],
                     edition=_named(held["place"], editions))  # fmt: skip
    return [ends, classes]


def visits(seen: ir.Table, editions: tuple[Diagnosis, ...], cleared: ir.Table) -> Evidence:
    """Diagnoses of suspected and confirmed at fever clinics."""
    import ibis

    place = pictures.edition_in(seen["county"], editions)
    some = seen.mutate(place=place, counts=_counting(place, editions))
    some = some.filter(some["diagnosis"].isin(["suspected", "clinical", "confirmed"]))
    sure = (some["diagnosis"] == "confirmed") | ((some["diagnosis"] == "clinical") & some["counts"])
    some = some.mutate(category=sure.ifelse("confirmed", "suspected"))
    some = some.filter((some["category"] == "confirmed") | ~some["person"].isin(cleared["person"]))
    return match(some, some["category"], ibis.literal("doctor_") + some["category"],
                  "fever_visits", record="visit_number", feature="diagnosis",
                  date=some["visited"].date(), value=some["diagnosis"],
                  edition=_named(some["place"], editions))  # fmt: skip


def pictures_of(
    seen: ir.Table, editions: tuple[Diagnosis, ...], cleared: ir.Table, *, features: bool
) -> list[Evidence]:
    """One row per visit, rule on the picture, and (if wanted) feature the rule asks for."""
    open_ = seen.mutate(place=pictures.edition_in(seen["county"], editions))
    open_ = open_.anti_join(cleared, "person")
    parts = []
    for (category, rule), places in pictures.rules_of(editions).items():
        here = open_.filter(open_["place"].isin(places))
        held = here.mutate(holds=pictures.rule_holds(rule, here))
        held = held.filter(records.possible(held["holds"]))
        asked = (*rule.needs, *rule.of) if features else ("picture",)
        for feature in asked:
            value = "" if feature == "picture" else held[feature].ifelse("yes", "no")
            value = value if isinstance(value, str) else value.fill_null("unknown")
            parts.append(match(held, category, rule.rule, "fever_visits",
                                record="visit_number", feature=feature,
                                date=held["visited"].date(), value=value,
                                edition=_named(held["place"], editions),
                                holds=held["holds"]))  # fmt: skip
    return parts
