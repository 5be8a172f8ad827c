"""What people are owed by dated rules, what they got, and what has been outstanding since when."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from analytics.analysis import assistance
from analytics.codes import StrandedGroup
from analytics.errors import ContractError, StudyError

DAY = date(2020, 2, 29)


def person(name: str, **more: object) -> dict[str, object]:
    return {
        "person": name, "group": "tourist", "county": "420102", "since": pd.Timestamp("2020-01-23"),
        "status": "referred", "lodging": "relatives", "quarantine": False, "halal": False,
        "language": False, "infant": False, "wheelchair": False, "medicine": False,
        "permit": False, "money": False, "contact_home": False, **more,
    }  # fmt: skip


def register(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows)


def given(*rows: dict[str, object]) -> pd.DataFrame:
    columns = ["person", "measure", "status", "requested", "given", "amount"]
    return pd.DataFrame(rows, columns=columns)


RULES = assistance.read()


def test_rules_cover_five_groups_and_name_their_notice():
    assert all(len(rule.source) > 10 for rule in RULES)
    for group in StrandedGroup:
        mine = [r for r in RULES if not r.groups or group in r.groups]
        assert len({(r.measure, r.since) for r in mine}) >= 5
    relief = next(r for r in RULES if r.name == "wuhan_relief")
    assert (relief.most, relief.daily, relief.since) == (3000, 300, date(2020, 2, 27))
    assert {r.status for r in RULES} == {"cited", "unverified"}


def test_relief_is_owed_in_wuhan_from_the_notice_on():
    people = register(person("a", money=True), person("b", money=True, county="420502"),
                      person("c"))  # fmt: skip
    nothing = given()
    before = assistance.owed(people, nothing, RULES, date(2020, 2, 26))
    assert before.empty
    claims = assistance.owed(people, nothing, RULES, DAY)
    relief = claims[claims["measure"] == "relief_money"].set_index("person")
    assert relief.loc["a", "entitlement"] == "wuhan_relief"
    assert relief.loc["a", "most"] == 3000
    assert relief.loc["a", "due"] == pd.Timestamp("2020-03-01")
    assert relief.loc["b", "entitlement"] == "province_relief"
    assert "c" not in relief.index


def test_given_referred_refused_and_asked_for():
    people = register(*(person(n, money=True) for n in "abcd"), person("e"))
    rows = [
        {"person": "a", "measure": "relief_money", "status": "given", "given": "2020-02-28"},
        {"person": "b", "measure": "relief_money", "status": "referred"},
        {"person": "c", "measure": "relief_money", "status": "refused"},
        {"person": "d", "measure": "relief_money", "status": "given", "given": "2020-03-05"},
        {"person": "e", "measure": "travel", "status": "requested", "requested": "2020-02-10"},
    ]
    claims = assistance.owed(people, given(*rows), RULES, DAY)
    state = claims.set_index(["person", "measure"])["state"]
    assert state[("a", "relief_money")] == "served"
    assert state[("b", "relief_money")] == "referred"
    assert state[("c", "relief_money")] == state[("d", "relief_money")] == "pending"
    asked = claims.set_index("person").loc["e"]
    assert (asked["entitlement"], asked["overdue"]) == ("asked", 12)


def test_known_is_served_plus_referred_plus_pending():
    people = register(*(person(str(n), money=n % 2 == 0, medicine=n % 3 == 0) for n in range(12)))
    rows = [{"person": str(n), "measure": "relief_money", "status": s}
            for n, s in enumerate(["given", "referred", "refused"] * 4)]  # fmt: skip
    claims = assistance.owed(people, given(*rows), RULES, DAY)
    each = assistance.people(people, claims)
    assert sorted(each["person"]) == sorted(people["person"])
    assert each["state"].value_counts().sum() == len(people)
    counted = assistance.coverage(claims)
    assert (counted["owed"] == counted[["served", "referred", "pending"]].sum(axis=1)).all()


def test_the_ill_without_a_bed_come_first():
    people = register(
        person("well", money=True),
        person("ill", money=True, medicine=True),
        person("outside", money=True, medicine=True, status="waiting", lodging="street"),
    )
    each = assistance.people(people, assistance.owed(people, given(), RULES, DAY))
    assert each["person"].tolist() == ["outside", "ill", "well"]


def test_a_person_twice_in_the_register_is_refused():
    with pytest.raises(ContractError):
        assistance.owed(register(person("a"), person("a")), given(), RULES, DAY)


def test_response_times_count_what_is_still_open():
    calls = pd.DataFrame({
        "topic": ["complaint"] * 3 + ["code"],
        "called": pd.to_datetime(["2020-02-20 10:00", "2020-02-25 10:00", "2020-02-29 23:00",
                                  "2020-02-20 00:00"]).tz_localize("Asia/Shanghai"),
        "answered": pd.to_datetime(["2020-02-20 14:00", None, None, "2020-03-02 00:00"])
        .tz_localize("Asia/Shanghai"),
    })  # fmt: skip
    found = assistance.responses(calls, DAY).set_index("topic")
    assert found.loc["complaint", ["calls", "answered", "open"]].tolist() == [3, 1, 2]
    assert found.loc["complaint", "median_hours"] == pytest.approx(4)
    assert found.loc["complaint", "within_day"] == pytest.approx(0.5)
    assert found.loc["code", "open"] == 1


def test_an_unsound_file_of_rules_is_refused_with_every_breach(tmp_path):
    (tmp_path / "entitlements.toml").write_text(
        '[[entitlement]]\nname = "x"\nmeasure = "gold"\nsince = 2020-01-01\ndays = -1\n'
        'provider = { zh = "甲", en = "A" }\nsource = "some notice or other"\nstatus = "cited"\n',
        encoding="utf-8",
    )
    with pytest.raises(StudyError) as caught:
        assistance.read(tmp_path)
    assert len(caught.value.breaches) == 2
