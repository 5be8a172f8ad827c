"""What tests say: who is confirmed or free of symptoms, and whom two negative ones exclude."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.analysis.screening import records
from analytics.analysis.screening.evidence import match

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.evidence import Evidence
    from analytics.analysis.screening.protocols import Diagnosis, Protocols
    from analytics.analysis.screening.records import Linked


def tests(
    linked: Linked, editions: tuple[Diagnosis, ...], protocols: Protocols, as_of: date
) -> list[Evidence]:
    """Positive tests that no recovery answers, with and without symptoms, and antibodies."""
    import ibis

    test = records.tests(linked, as_of)
    found = records.cases(linked, as_of)
    better = found.filter((found["ended"] == "recovered") & found["person"].notnull())
    better = better.group_by("person").agg(
        well=better["ended_on"].coalesce(better["reported"]).max()
    )
    positive = test.filter(test["result"] == "positive").left_join(better, "person")
    positive = positive.filter(
        positive["well"].isnull() | (positive["sampled"].date() > positive["well"])
    ).select(test.columns)
    acid = positive.filter(positive["method"] == "nucleic_acid")
    free = _without_symptoms(acid, linked, protocols, as_of).mutate(free=ibis.literal(value=True))
    acid = acid.left_join(free, ["person", "test_number"])
    well = records.sure(acid["free"])
    parts = [
        match(acid, well.ifelse("asymptomatic", "confirmed"),
               well.ifelse("test_positive_without_symptoms", "test_positive"), "tests",
               record="test_number", feature="nucleic_acid", date=acid["sampled"].date(),
               value="positive"),
    ]  # fmt: skip
    serology = [edition.edition for edition in editions if edition.serology]
    if serology:
        each = positive.filter(positive["method"].isin(["igm", "igg"]))
        both = each.group_by("person").agg(kinds=each["method"].nunique())
        some = each.semi_join(both.filter(both["kinds"] == 2), "person")  # noqa: PLR2004
        parts.append(match(some, "confirmed", "serology_positive", "tests", record="test_number",
                            feature="antibodies", date=some["sampled"].date(),
                            value=some["method"], edition=serology[0]))  # fmt: skip
    return parts


def _without_symptoms(
    positive: ir.Table, linked: Linked, protocols: Protocols, as_of: date
) -> ir.Table:
    """
    Positive tests of people known to have had no symptom around then: person, test_number.

    Known means that both fever and respiratory symptoms were denied within the days of one
    illness, none was recorded, and no case of theirs names an onset or a class with symptoms.
    """
    import ibis

    heat = protocols.picture.fever_celsius
    seen = records.visits(linked, as_of, heat)
    states = seen.select("person", "fever", "respiratory", "imaging", day=seen["visited"].date())
    if "declarations" in linked:
        told = records.declarations(linked, as_of, heat)
        states = ibis.union(
            states,
            told.select("person", "fever", "respiratory", imaging=ibis.null("boolean"),
                        day=told["declared"].date()),
        )  # fmt: skip
    near = ibis.interval(days=protocols.picture.combine_days)
    pair = positive.select("person", "test_number", sampled=positive["sampled"].date())
    pair = pair.join(states, "person")
    pair = pair.filter(
        (pair["day"] >= pair["sampled"] - near) & (pair["day"] <= pair["sampled"] + near)
    )
    state = pair.group_by("person", "test_number").agg(
        any_symptom=(records.sure(pair["fever"]) | records.sure(pair["respiratory"])
                     | records.sure(pair["imaging"])).any(),
        fever_known=pair["fever"].notnull().any(),
        respiratory_known=pair["respiratory"].notnull().any(),
    )  # fmt: skip
    free = state.filter(~state["any_symptom"] & state["fever_known"] & state["respiratory_known"])
    found = records.cases(linked, as_of)
    ill = found.filter(
        found["person"].notnull()
        & (
            found["onset"].notnull()
            | found["classification"].isin(["suspected", "clinical", "confirmed"])
        )
    )
    return free.anti_join(ill, "person").select("person", "test_number")


def double_negative(linked: Linked, seen: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
    """
    People with two negative tests far enough apart since their latest suspicion began.

    Columns: person, last (moment of the latest), record (its number).
    """
    import ibis

    found = records.cases(linked, as_of)
    doubt = found.filter(
        found["person"].notnull() & found["classification"].isin(["suspected", "clinical"])
    )
    began = ibis.union(
        doubt.select("person", began=doubt["onset"].coalesce(doubt["reported"])),
        seen.select("person", began="onset"),
    )
    since = began.group_by("person").agg(began=began["began"].max())
    acid = records.tests(linked, as_of)
    acid = acid.filter(acid["method"] == "nucleic_acid").join(since, "person")
    acid = acid.filter(acid["sampled"].date() >= acid["began"])
    positive = acid["result"] == "positive"
    latest = acid.filter(positive).group_by("person").agg(hit=acid["sampled"].max())
    negative = acid.filter(acid["result"] == "negative").left_join(latest, "person")
    after = negative.filter(negative["hit"].isnull() | (negative["sampled"] > negative["hit"]))
    pairs = after.group_by("person").agg(
        first=after["sampled"].min(),
        last=after["sampled"].max(),
        record=after["test_number"].argmax(after["sampled"]),
    )
    apart = ibis.interval(minutes=round(60 * protocols.exclusion.apart_hours))
    return pairs.filter(pairs["last"] >= pairs["first"] + apart).select("person", "last", "record")


def cleared(negative: ir.Table, picture: ir.Table, protocols: Protocols) -> ir.Table:
    """People whom tests excluded: person; a picture that matches or is unknown forbids it."""
    if not protocols.exclusion.keep_with_picture:
        return negative.select("person")
    both = negative.join(picture, "person")
    return both.filter(records.sure(~both["picture"])).select("person")


def kept(negative: ir.Table, picture: ir.Table, protocols: Protocols) -> Evidence:
    """Say that two negative tests did not exclude somebody whose picture matches."""
    import ibis

    keep = protocols.exclusion.keep_with_picture
    both = negative.join(picture, "person")
    both = both.filter(records.sure(both["picture"]) & ibis.literal(keep))
    return match(both, "suspected", "double_negative_with_picture", "tests", record="record",
                  feature="nucleic_acid", date=both["last"].date(), value="negative")  # fmt: skip
