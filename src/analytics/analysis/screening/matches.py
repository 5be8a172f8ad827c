"""
Every rule that holds, or cannot be decided, for every person, with its evidence.

Tables
------
MATCHES
    person, category, rule, edition, feed, record, feature, date, value (as text), holds
    (empty where what is known does not decide it). A row is one piece of evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.analysis.screening import pictures, records

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from analytics.analysis.screening.protocols import Diagnosis, Protocols
    from analytics.analysis.screening.records import Linked

COLUMNS = (
    "person", "category", "rule", "edition", "feed", "record", "feature", "date", "value", "holds",
)  # fmt: skip
_NONE = ""  # edition of rules that no edition changes


def _match(  # noqa: PLR0913 (one argument per column)
    rows: ir.Table,
    category: Any,
    rule: Any,
    feed: str,
    *,
    record: str,
    feature: str,
    date: Any,
    value: Any,
    edition: Any = _NONE,
    holds: Any = True,
) -> ir.Table:
    import ibis

    return rows.select(
        person="person",
        category=ibis.literal(category) if isinstance(category, str) else category,
        rule=ibis.literal(rule) if isinstance(rule, str) else rule,
        edition=ibis.literal(edition) if isinstance(edition, str) else edition,
        feed=ibis.literal(feed),
        record=record,
        feature=ibis.literal(feature),
        date=date,
        value=ibis.literal(value) if isinstance(value, str) else value.cast("string"),
        holds=ibis.literal(holds) if isinstance(holds, bool) else holds,
    )


def find(
    linked: Linked,
    contacts: ir.Table,
    protocols: Protocols,
    as_of: date,
    *,
    features: bool = True,
) -> ir.Table:
    """
    Find all matches of a day.

    Parameters
    ----------
    linked : mapping of str to ibis.Table
    contacts : CONTACTS_MADE table
        First generation.
    protocols : Protocols
    as_of : date
    features : bool
        Whether a rule on the clinical picture gets a row for each feature it asks for, or
        one only.

    Returns
    -------
    MATCHES table
    """
    import ibis

    editions = protocols.diagnosis_on(as_of)
    closed = pictures.closings(linked, as_of)
    seen = pictures.visits(linked, contacts, closed, protocols, as_of)
    negative = _double_negative(linked, seen, protocols, as_of)
    picture = pictures.matching(seen, editions)
    cleared = _cleared(negative, picture, protocols)
    parts = [
        *_cases(linked, editions, cleared, as_of),
        *_tests(linked, editions, protocols, as_of),
        _visits(seen, editions, cleared),
        *_pictures(seen, editions, cleared, features=features),
        _kept(negative, picture, protocols),
        *_fever(linked, seen, closed, protocols, as_of),
        _contacts(contacts, protocols, as_of),
    ]
    return ibis.union(*(part.select(*COLUMNS) for part in parts))


def _named(place: ir.Value, editions: tuple[Diagnosis, ...]) -> ir.Value:
    return place.cases(*((number, edition.edition) for number, edition in enumerate(editions)))


def _counting(place: ir.Value, editions: tuple[Diagnosis, ...]) -> ir.Value:
    """Whether clinical diagnosis counts as confirmed in the edition at a position."""
    counted = [number for number, edition in enumerate(editions) if edition.clinical_counts]
    return place.isin(counted)


def _cases(
    linked: Linked, editions: tuple[Diagnosis, ...], cleared: ir.Table, as_of: date
) -> list[ir.Table]:
    import ibis

    found = records.cases(linked, as_of)
    found = found.filter(found["person"].notnull())
    ended = found.filter(found["ended"].notnull())
    died = ended["ended"] == "died"
    ends = _match(
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
    classes = _match(held, held["category"], held["rule"], "cases", record="case_number",
                     feature="classification", date="day", value=held["classification"],
                     edition=_named(held["place"], editions))  # fmt: skip
    return [ends, classes]


def _tests(
    linked: Linked, editions: tuple[Diagnosis, ...], protocols: Protocols, as_of: date
) -> list[ir.Table]:
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
    free = _without_symptoms(acid, linked, protocols, as_of)
    day = acid["sampled"].date()
    said = {"record": "test_number", "feature": "nucleic_acid", "value": "positive"}
    ill = acid.anti_join(free, "test_number")
    well = acid.semi_join(free, "test_number")
    del day
    parts = [
        _match(ill, "confirmed", "test_positive", "tests", date=ill["sampled"].date(), **said),
        _match(well, "asymptomatic", "test_positive_without_symptoms", "tests",
               date=well["sampled"].date(), **said),
    ]  # fmt: skip
    serology = [edition.edition for edition in editions if edition.serology]
    if serology:
        each = positive.filter(positive["method"].isin(["igm", "igg"]))
        both = each.group_by("person").agg(kinds=each["method"].nunique())
        some = each.semi_join(both.filter(both["kinds"] == 2), "person")  # noqa: PLR2004
        parts.append(_match(some, "confirmed", "serology_positive", "tests", record="test_number",
                            feature="antibodies", date=some["sampled"].date(),
                            value=some["method"], edition=serology[0]))  # fmt: skip
    del ibis
    return parts


def _without_symptoms(
    positive: ir.Table, linked: Linked, protocols: Protocols, as_of: date
) -> ir.Table:
    """
    Positive tests of people known to have had no symptom around then: test_number.

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
    return free.anti_join(ill, "person").select("test_number")


def _visits(seen: ir.Table, editions: tuple[Diagnosis, ...], cleared: ir.Table) -> ir.Table:
    import ibis

    place = pictures.edition_in(seen["county"], editions)
    some = seen.mutate(place=place, counts=_counting(place, editions))
    some = some.filter(some["diagnosis"].isin(["suspected", "clinical", "confirmed"]))
    sure = (some["diagnosis"] == "confirmed") | ((some["diagnosis"] == "clinical") & some["counts"])
    some = some.mutate(category=sure.ifelse("confirmed", "suspected"))
    some = some.filter((some["category"] == "confirmed") | ~some["person"].isin(cleared["person"]))
    return _match(some, some["category"], ibis.literal("doctor_") + some["category"],
                  "fever_visits", record="visit_number", feature="diagnosis",
                  date=some["visited"].date(), value=some["diagnosis"],
                  edition=_named(some["place"], editions))  # fmt: skip


def _pictures(
    seen: ir.Table, editions: tuple[Diagnosis, ...], cleared: ir.Table, *, features: bool
) -> list[ir.Table]:
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
            parts.append(_match(held, category, rule.rule, "fever_visits",
                                record="visit_number", feature=feature,
                                date=held["visited"].date(), value=value,
                                edition=_named(held["place"], editions),
                                holds=held["holds"]))  # fmt: skip
    return parts


def _double_negative(linked: Linked, seen: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
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
    return pairs.filter(pairs["last"] >= pairs["first"] + apart).drop("first")


def _cleared(negative: ir.Table, picture: ir.Table, protocols: Protocols) -> ir.Table:
    """People whom tests excluded: person; a picture that matches or is unknown forbids it."""
    if not protocols.exclusion.keep_with_picture:
        return negative.select("person")
    both = negative.join(picture, "person")
    return both.filter(records.sure(~both["picture"])).select("person")


def _kept(negative: ir.Table, picture: ir.Table, protocols: Protocols) -> ir.Table:
    import ibis

    keep = protocols.exclusion.keep_with_picture
    both = negative.join(picture, "person")
    both = both.filter(records.sure(both["picture"]) & ibis.literal(keep))
    return _match(both, "suspected", "double_negative_with_picture", "tests", record="record",
                  feature="nucleic_acid", date=both["last"].date(), value="negative")  # fmt: skip


def _fever(
    linked: Linked, seen: ir.Table, closed: ir.Table, protocols: Protocols, as_of: date
) -> list[ir.Table]:
    numbers = protocols.picture
    start = records.end_of(as_of) - _days(numbers.fever_days)
    recent = seen.filter(seen["visited"] >= start)
    said = recent.filter(recent["diagnosis"] == "fever")
    undiagnosed = recent.filter(recent["diagnosis"].isnull() & records.sure(recent["fever"]))
    clinic = {"feed": "fever_visits", "record": "visit_number"}
    parts = [
        _match(said, "fever", "doctor_fever", date=said["visited"].date(), feature="diagnosis",
               value="fever", **clinic),
        _match(undiagnosed, "fever", "fever_at_clinic", date=undiagnosed["visited"].date(),
               feature="fever", value="yes", **clinic),
    ]  # fmt: skip
    if "declarations" in linked:
        told = records.declarations(linked, as_of, numbers.fever_celsius)
        told = told.filter(records.sure(told["fever"]) & (told["declared"] >= start))
        told = pictures.still_open(told, "declared", closed)
        parts.append(_match(told, "fever", "fever_declared", "declarations",
                            record="declaration_number", feature="fever",
                            date=told["declared"].date(), value="yes"))  # fmt: skip
    if "checkpoint_passes" in linked:
        gate = records.feed(linked, "checkpoint_passes", "pass_number", "passed", "temperature")
        gate = gate.filter(
            gate["person"].notnull()
            & (gate["passed"] < records.end_of(as_of))
            & (gate["passed"] >= start)
            & (gate["temperature"] >= numbers.fever_celsius)
        )
        gate = pictures.still_open(gate, "passed", closed)
        parts.append(_match(gate, "fever", "fever_at_checkpoint", "checkpoint_passes",
                            record="pass_number", feature="temperature",
                            date=gate["passed"].date(), value=gate["temperature"]))  # fmt: skip
    return parts


def _days(number: int) -> Any:
    from datetime import timedelta

    return timedelta(days=number)


def observed(contacts: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
    """Contacts still under observation: met no more than so many days ago."""
    first = as_of - _days(protocols.contact_on(as_of).observation_days)
    return contacts.filter((contacts["last"] >= first) & (contacts["first"] <= as_of))


def _contacts(contacts: ir.Table, protocols: Protocols, as_of: date) -> ir.Table:
    import ibis

    edition = protocols.contact_on(as_of).edition
    now = observed(contacts, protocols, as_of)
    return now.select(
        person="person",
        category=ibis.literal("close_contact"),
        rule=ibis.literal("contact_") + now["kind"],
        edition=ibis.literal(edition),
        feed="feed",
        record="record",
        feature=ibis.literal("contact"),
        date=now["last"],
        value=now["source_record"],
        holds="holds",
    )
