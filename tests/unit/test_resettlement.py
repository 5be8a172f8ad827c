"""Who is stranded, once each; what they need; who has a bed, and why the others have none."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from tests.unit.resettlement_province import DAY, at, stranded, table

from analytics import engine
from analytics.analysis import resettlement
from analytics.analysis.resettlement import needs
from analytics.errors import ContractError, ParameterError
from analytics.render import explain
from analytics.render.blocks import dumps

PROVINCE = "420000"


def gathered(**known: ibis.Table) -> pd.DataFrame:
    connection = engine.connect()
    rows = resettlement.register(known, DAY, PROVINCE)
    return engine.collect(rows, connection).set_index("person").sort_index()


def test_everyone_is_there_once_and_who_left_is_not():
    found = gathered(
        stranded=table(
            "stranded",
            stranded("a"),
            stranded("a", registration_number="Z2", registered=date(2020, 2, 12), lodging="street"),
            stranded("b", left=date(2020, 2, 20)),
            stranded("c", left=date(2020, 2, 21)),
            stranded("d", direction="outside"),
            stranded(None, registration_number="Z9"),
            stranded("e", registered=date(2020, 2, 21)),
        )
    )
    assert found.index.tolist() == ["a", "c", "registration Z9"]
    assert found["lodging"].tolist() == ["street", "site", "site"]
    assert found["status"].tolist() == ["waiting"] * 3
    assert found.loc["a", "reason"] == "street"


def test_other_lists_find_those_who_did_not_register():
    """A caller, a guest, a student, a roamer, an awaited worker; residents are not stranded."""
    days = [{"person": "roamer", "date": DAY - timedelta(days=d), "city": "420100",
             "home": "440100"} for d in range(7)]  # fmt: skip
    found = gathered(
        stranded=table("stranded", stranded("a")),
        hotline=table(
            "hotline",
            {"person": "caller", "called": at(19), "topic": "money", "county": "420103"},
            {"person": "resident", "called": at(19), "topic": "food", "county": "420103"},
            {"person": "late", "called": at(21), "topic": "food", "county": "420103"},
            {"person": "other", "called": at(19), "topic": "code", "county": "420103"},
        ),
        hotel_stays=table(
            "hotel_stays",
            {"person": "guest", "check_in": at(1), "origin": "", "nationality": "FRA",
             "county": "420106"},
            {"person": "gone", "check_in": at(1), "check_out": at(5), "origin": "410100",
             "nationality": "CHN", "county": "420106"},
            {"person": "local", "check_in": at(1), "origin": "420500", "nationality": "CHN",
             "county": "420106"},
        ),
        student_rolls=table(
            "student_rolls",
            {"person": "student", "home": "430100", "nationality": "CHN", "county": "420111",
             "on_campus": True},
            {"person": "away", "home": "430100", "nationality": "CHN", "county": "420111",
             "on_campus": False},
        ),
        roaming=table("roaming", *days),
        return_to_work=table(
            "return_to_work",
            {"person": "worker", "origin": "420500", "destination": "440300"},
            {"person": "a", "origin": "420500", "destination": "440300"},
        ),
        resident_register=table("resident_register", {"person": "resident"}),
    )  # fmt: skip
    assert found.index.tolist() == ["a", "caller", "guest", "roamer", "student", "worker"]
    assert found["group"].tolist() == [
        "tourist", "unknown", "foreigner", "unknown", "university_student", "migrant_worker",
    ]  # fmt: skip
    assert found["county"].tolist() == ["420102", "420103", "420106", "420100", "420111", "420500"]
    assert set(found["status"]) == {"waiting", "referred"}
    assert (found["reason"] == "unregistered").sum() == 5
    assert found.loc["caller", "money"]
    assert found.loc["a", "awaited"]


def test_needs_come_from_the_form_the_calls_the_words_and_the_permit():
    voiced = ibis.memtable(pa.table({
        "person": ["a"], **{n: [n == "halal"] for n in (*needs.NEEDS, "unclear")}
    }))  # fmt: skip
    found = gathered(
        stranded=table(
            "stranded",
            stranded("a", infant=True),
            stranded("b", language="fra", permit_expires=date(2020, 3, 10)),
            stranded("c", permit_expires=date(2020, 5, 1)),
        ),
        hotline=table("hotline", {"person": "c", "called": at(15), "topic": "medicine"}),
        quarantine=table(
            "quarantine",
            {"person": "a", "started": date(2020, 2, 15)},
            {"person": "b", "started": date(2020, 2, 1), "released": date(2020, 2, 15)},
        ),
        voiced=voiced,
    )
    asked = {
        person: [n for n in (*needs.NEEDS, "quarantine") if n in row and row[n] is True]
        for person, row in found.astype("object").to_dict("index").items()
    }
    assert asked == {
        "a": ["halal", "infant", "quarantine"], "b": ["language", "permit"], "c": ["medicine"],
    }  # fmt: skip


def test_a_register_without_registrations_is_refused():
    with pytest.raises(ContractError):
        gathered(hotline=table("hotline"))


PLACES = pd.DataFrame({
    "region": ["420102", "420103"], "longitude": [114.3, 114.2], "latitude": [30.6, 30.6],
})  # fmt: skip


def sites(**more: list[object]) -> pd.DataFrame:
    return pd.DataFrame({
        "site": ["M1", "M2", "M3"], "status": ["open", "open", "candidate"],
        "county": ["420102", "420103", "420103"], "longitude": [None] * 3, "latitude": [None] * 3,
        "floor_area": [1000.0] * 3, "staff_cap": [50, 50, 50], "halal": [True, False, True],
        "wheelchair": [False] * 3, "infant": [True] * 3, "medicine": [True] * 3,
        "languages": ["cmn", "cmn;eng", "cmn"], **more,
    })  # fmt: skip


def rooms(beds: dict[str, int]) -> pd.DataFrame:
    rows = [
        {"site": site, "date": pd.Timestamp(DAY), "room_type": kind, "rooms": many, "beds": many}
        for site in ("M1", "M2", "M3") for kind, many in beds.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


BEDS = {"male": 2, "female": 1, "family": 1, "isolation_single": 1}


def known(*rows: dict[str, object], **feeds: ibis.Table) -> pd.DataFrame:
    return gathered(stranded=table("stranded", *rows), **feeds).reset_index()


def test_who_has_a_bed_stays_and_who_waits_gets_the_nearest():
    register = known(
        stranded("a"), stranded("b"), stranded("c"),
        placements=table(
            "placements",
            {"person": "a", "placement_number": "O1", "site": "M1", "room_type": "male",
             "room": "M000", "check_in": date(2020, 2, 11)},
        ),
    )  # fmt: skip
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES)
    found = plan.persons.set_index("person")
    assert found.loc["a", "site"] == "M1"
    assert sorted(found["site"]) == ["M1", "M1", "M2"]
    assert found["planned"].tolist() == [False, True, True]
    assert found["status"].tolist() == ["placed"] * 3
    men = plan.beds[plan.beds["room_type"] == "male"].set_index("site")
    assert men[["taken", "free", "planned"]].to_numpy().tolist() == [[1, 1, 1], [0, 2, 1]]


def test_a_need_that_no_open_site_has_room_for_is_told_and_a_site_that_would_help_opens():
    register = known(*(stranded(str(n), halal=True) for n in range(4)))
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES)
    assert (plan.persons["status"] == "waiting").sum() == 2
    assert plan.persons["reason"].value_counts()["rooms full where the needs are met"] == 2
    told = plan.shortages.iloc[0]
    assert (told["needs"], told["room_types"], told["persons"]) == ("halal", "male", 2)
    after = resettlement.place(register, sites(), rooms(BEDS), PLACES, opened=("M3",))
    assert (after.persons["status"] == "placed").all()


def test_a_shut_site_sends_its_people_to_others():
    register = known(
        stranded("a"),
        placements=table("placements", {"person": "a", "placement_number": "O1", "site": "M1",
                                        "room_type": "male", "room": "M000",
                                        "check_in": date(2020, 2, 11)}),
    )  # fmt: skip
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES, closed=("M1",))
    assert plan.persons["site"].tolist() == ["M2"]
    assert plan.persons["planned"].tolist() == [True]


def test_ways_by_road_go_before_great_circles():
    register = known(stranded("a"))
    county = register["county"].iloc[0]
    near = resettlement.place(register, sites(), rooms(BEDS), PLACES).persons.iloc[0]
    roads = pd.DataFrame({"county": [county], "site": [near["site"]], "distance_km": [999.0]})
    far = resettlement.place(register, sites(), rooms(BEDS), PLACES, roads=roads).persons.iloc[0]
    assert far["site"] != near["site"]
    only = roads.assign(distance_km=1.5)
    told = resettlement.place(register, sites(), rooms(BEDS), PLACES, roads=only).persons.iloc[0]
    assert (told["site"], told["distance_km"]) == (near["site"], 1.5)
    wrong = pd.DataFrame(
        {"county": ["999999", county], "site": ["M1", "M1"], "distance_km": [1.0, -2.0]}
    )
    with pytest.raises(ContractError) as caught:
        resettlement.place(register, sites(), rooms(BEDS), PLACES, roads=wrong)
    assert len(caught.value.breaches) == 2


def test_unknown_sites_are_named():
    register = known(stranded("a"))
    with pytest.raises(ContractError, match="M9"):
        resettlement.place(register, sites(), rooms(BEDS), PLACES, opened=("M9",))


def test_nobody_falls_out_and_families_stay_together():
    family = [stranded(f"f{n}", household="F1", sex=s) for n, s in enumerate(["male", "female"])]
    register = known(*family, stranded("x", lodging="relatives"), stranded("y", sex="female"))
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES)
    counts = plan.persons["status"].value_counts()
    assert counts.sum() == len(register) == 4
    assert counts["referred"] == 1
    own = plan.persons.set_index("person").loc[["f0", "f1"]]
    assert own["site"].nunique() == own["room"].nunique() == 1
    assert own["bed"].nunique() == 2


def test_each_site_is_seen_as_the_party_sees_it():
    """Nearest first: what lacks, what is left, and what one who waits would be helped by."""
    register = known(*(stranded(str(n), halal=True) for n in range(4)), stranded("x"))
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES)
    waiting = plan.persons.loc[plan.persons["status"] == "waiting", "person"]
    seen = resettlement.considered(plan, waiting.iloc[0])
    assert seen.room_types == ("male",)
    assert seen.sites["site"].tolist() == ["M1", "M2"]
    assert seen.sites["lacks"].tolist() == ["room", "need"]
    assert seen.sites["needs"].tolist() == ["", "halal"]
    assert seen.sites["free"].tolist() == [0, 1]
    assert not seen.sites["chosen"].any()
    assert (seen.shortage["persons"], seen.shortage["widen"]) == (2, "M1")
    other = resettlement.considered(plan, "x")
    assert other.sites["chosen"].tolist() == [False, True]
    assert other.sites["lacks"].tolist() == ["room", ""]
    assert other.shortage is None
    assert other.sites["staff"].tolist() == [48, 49]
    told = explain.allocation(plan, waiting.iloc[0])
    assert told.title.en == f"{waiting.iloc[0]} waits. Rooms are full where the needs are met"
    assert [line.en for line in told.paragraphs] == [
        "There are 2 open sites: 1 without halal food, 1 that has no room of the type left.",
        (
            "One place more at M1 (beds, men, or its staff) would help most; or open a candidate "
            "site that meets the needs."
        ),
    ]
    placed = explain.allocation(plan, "x")
    assert placed.title.en.startswith("x goes to M2 (beds, men), ")
    assert placed.title.zh.startswith("x：安排到M2（男床位）")
    assert placed.paragraphs[0].en == "There is 1 nearer site: 1 that has no room of the type left."
    assert "shortest possible" in placed.paragraphs[1].en
    assert [row["site"] for row in placed.tables[0].rows] == ["M1", "M2"]
    assert "never for a page" in placed.note.en


def test_the_nearest_site_a_site_that_must_open_and_a_place_already_taken_are_said():
    register = known(
        stranded("a"), stranded("b", wheelchair=True), stranded("c"),
        placements=table("placements", {"person": "a", "placement_number": "O1", "site": "M1",
                                        "room_type": "male", "room": "M000",
                                        "check_in": date(2020, 2, 11)}),
    )  # fmt: skip
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES)
    there, short, near = (explain.allocation(plan, person) for person in "abc")
    assert "is at M1 already" in there.title.en
    assert (there.paragraphs, there.tables) == ((), ())
    assert short.paragraphs[0].en == "There are 2 open sites: 2 without step-free access."
    assert short.paragraphs[1].en == (
        "A candidate site that meets the needs and has beds, men must open."
    )
    assert near.paragraphs[0].en == "It is the nearest open site."
    assert "420102" not in dumps(short) + dumps(near)


def test_a_site_must_open_for_one_beside_another_whom_a_place_more_would_help():
    """Of two shortages only one has a site to widen."""
    register = known(
        *(stranded(str(n), halal=True) for n in range(4)), stranded("w", wheelchair=True)
    )
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES)
    assert len(plan.shortages) == 2
    assert explain.allocation(plan, "w").paragraphs[1].en == (
        "A candidate site that meets the needs and has beds, men must open."
    )


def test_who_was_not_to_be_placed_has_no_sites_to_see_and_a_stranger_is_refused():
    register = known(stranded("a", lodging="relatives"), stranded("b"))
    plan = resettlement.place(register, sites(), rooms(BEDS), PLACES)
    seen = resettlement.considered(plan, "a")
    assert (seen.answer["status"], len(seen.sites)) == ("referred", 0)
    assert explain.allocation(plan, "a").title.en.startswith("a is referred. Lodges privately")
    with pytest.raises(ParameterError, match="none of the plan's 2 persons") as refused:
        resettlement.considered(plan, "stranger")
    assert "stranger" not in str(refused.value)
