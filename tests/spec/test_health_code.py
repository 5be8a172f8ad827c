"""Health codes: which code, why and until when; appeals; codes of other provinces."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from analytics import engine, study
from analytics.analysis import health_code
from analytics.analysis.health_code import (
    appeals,
    certificate,
    fairness,
    history,
    whereabouts,
    words,
)
from analytics.errors import ParameterError, StudyError, VerificationError
from analytics.methods import tokens

RULES = health_code.rules.read(study.root() / "data" / "hubei-2020" / "health_code.toml")


def at(day: int, hour: int = 0, month: int = 3) -> datetime:
    return datetime(2020, month, day, hour)


def table(**columns: object) -> ibis.Table:
    return ibis.memtable(pa.table(columns))


def declared(*rows: tuple[str | None, datetime, float, bool | None]) -> ibis.Table:
    return table(
        person=pa.array([r[0] for r in rows], pa.string()),
        declared=pa.array([r[1] for r in rows], pa.timestamp("us")),
        temperature=pa.array([r[2] for r in rows], pa.float64()),
        fever=pa.array([r[3] for r in rows], pa.bool_()),
    )


def daily(person: str, first: int, last: int) -> ibis.Table:
    return declared(*[(person, at(day, 8), 36.5, False) for day in range(first, last + 1)])


def quarantined(person, started, due, released, reason="close_contact") -> ibis.Table:
    return table(
        person=[person],
        started=pa.array([started], pa.date32()),
        due=pa.array([due], pa.date32()),
        released=pa.array([released], pa.date32()),
        reason=[reason],
    )


def told(records, appealed=None) -> list[dict]:
    connection = engine.connect()
    changes = health_code.tell(records, RULES, appealed)
    rows = engine.rows(changes.order_by("person", "since"), connection).to_pylist()
    connection.disconnect()
    return rows


def story(rows) -> list[tuple]:
    return [(r["since"], r["code"], r["rule"]) for r in rows]


def test_who_declares_and_has_nothing_on_record_is_green_until_a_gap():
    rows = told({"declarations": daily("a", 11, 13)})
    assert story(rows) == [
        (at(11, 8), "green", "nothing_known"),
        (at(15, 8), "yellow", "temperature_gap"),
    ]


def test_each_type_of_personnel_has_its_colour_and_returns_when_it_ends():
    screened = table(
        person=["a", "b", "c", "d"],
        category=["confirmed", "suspected", "fever", "close_contact"],
        since=[at(12)] * 4,
        until=[at(13)] * 4,
    )
    persons = declared(*[(p, at(d, 8), 36.5, False) for p in "abcd" for d in (11, 12, 13)])
    rows = told({"declarations": persons, "screening": screened})
    codes = {p: [r["code"] for r in rows if r["person"] == p][:3] for p in "abcd"}
    assert codes == {
        "a": ["green", "red", "green"],
        "b": ["green", "red", "green"],
        "c": ["green", "red", "green"],
        "d": ["green", "yellow", "green"],
    }


def test_red_comes_before_yellow_and_gives_way_to_what_is_left():
    positive = table(person=["a"], sampled=[at(12, 9)], resulted=[at(12, 18)], result=["positive"])
    rows = told(
        {
            "declarations": daily("a", 11, 30),
            "tests": positive,
            "quarantine": quarantined("a", date(2020, 3, 13), date(2020, 3, 29), date(2020, 3, 30)),
        }
    )
    assert story(rows)[:4] == [
        (at(11, 8), "green", "nothing_known"),
        (at(12, 18), "red", "positive"),  # from when the result was known
        (at(26, 9), "yellow", "quarantine"),  # 14 days from the sample
        (at(30), "green", "nothing_known"),
    ]
    assert rows[1]["changes"] == at(26, 9)
    assert rows[2]["changes"] == at(29)  # what was due, not the release nobody knew yet


@pytest.mark.parametrize(
    ("records", "rule"),
    [
        (
            {
                "contacts": table(
                    person=["a"],
                    setting=["household"],
                    last_contact=[date(2020, 3, 12)],
                    reported=[at(14, 10)],
                )
            },
            "exposure",
        ),
        (
            {
                "presence": whereabouts.presence(
                    roaming=table(person=["a"], city=["420100"], date=[date(2020, 3, 12)])
                )
            },
            "wuhan_travel",
        ),
        ({"declarations": declared(("a", at(12, 9), 37.3, None))}, "declared_fever"),
        ({"declarations": declared(("a", at(12, 9), 36.9, True))}, "declared_fever"),
    ],
)
def test_every_kind_of_record_is_read(records, rule):
    base = daily("a", 11, 14)
    given = records.get("declarations")
    rows = told({**records, "declarations": base if given is None else base.union(given)})
    assert (rows[0]["code"], rule in {r["rule"] for r in rows}) == ("green", True)


def test_the_grade_of_the_county_lived_in_counts_while_it_is_in_force():
    """Wuchang goes from high to low on the 20th; b moves out of it on the 14th."""
    days = [("a", d, "420106") for d in range(11, 24)]
    days += [("b", d, "420106" if d < 14 else "429021") for d in range(11, 24)]
    counties = table(
        person=[person for person, _, _ in days],
        declared=pa.array([at(d, 8) for _, d, _ in days], pa.timestamp("us")),
        temperature=[36.5] * len(days),
        fever=pa.array([False] * len(days)),
        county=[county for _, _, county in days],
    )
    grades = table(
        county=["420106", "420106", "429021"],
        grade=["high", "low", "low"],
        since=[at(12), at(20), at(1)],
    )
    rows = told({"declarations": counties, "grades": grades})
    assert [story([r for r in rows if r["person"] == p])[:3] for p in "ab"] == [
        [
            (at(11, 8), "green", "nothing_known"),
            (at(12), "yellow", "high_risk_residence"),
            (at(day, hour), "green", "nothing_known"),
        ]
        for day, hour in ((20, 0), (14, 8))
    ]
    # what b declared later does not touch what was told before
    earlier = told(
        {"declarations": counties.filter(counties["declared"] < at(13)), "grades": grades}
    )
    assert story([r for r in earlier if r["person"] == "b"])[:2] == [
        (at(11, 8), "green", "nothing_known"), (at(12), "yellow", "high_risk_residence"),
    ]  # fmt: skip


def test_records_of_nobody_known_give_no_code():
    rows = told({"declarations": declared((None, at(11), 40.0, True), ("a", at(11), 36.0, None))})
    assert {r["person"] for r in rows} == {"a"}


def test_codes_of_other_provinces_count_from_the_day_they_are_recognised():
    shown = table(
        person=["a", "b", "c", "d"],
        province=["330000", "330000", "440000", "420000"],
        code=["green", "green", "red", "green"],
        since=[at(24, 9), at(25, 9), at(25, 9), at(25, 9)],
        expires=[at(27, 9)] * 4,
    )
    rows = told({"foreign_codes": shown})
    assert [(r["person"], r["code"], r["rule"]) for r in rows] == [
        ("b", "green", "foreign_green"),
        ("b", None, None),
        ("c", "red", "foreign_red"),
        ("c", None, None),
    ]


APPEALED = table(
    appeal_number=["1", "2", "3"],
    person=["a", "a", "z"],
    rule=["contact_type", "contact_type", "exposure"],
    filed=[at(13, 9), at(20, 9), at(14, 9)],
    outcome=pa.array(["upheld", "refused", None]),
    decided=[at(15, 9), at(24, 9), None],
)
CONTACT = table(person=["a"], category=["close_contact"], since=[at(12)])


def test_an_appeal_that_is_right_ends_what_the_rule_held():
    records = {"declarations": daily("a", 11, 25), "screening": CONTACT}
    assert story(told(records))[1:] == [
        (at(12), "yellow", "contact_type"),
    ]
    assert story(told(records, APPEALED))[1:3] == [
        (at(12), "yellow", "contact_type"),
        (at(15, 9), "green", "nothing_known"),
    ]


def test_every_appeal_is_accounted_for_with_its_deadline():
    connection = engine.connect()
    records = {"declarations": daily("a", 11, 25), "screening": CONTACT}
    changes = connection.create_table(
        "changes", engine.rows(health_code.tell(records, RULES, APPEALED), connection), temp=True
    )
    listed = appeals.account(APPEALED, changes, RULES, at(22))
    rows = engine.rows(listed.order_by("appeal_number"), connection).to_pylist()
    assert [(r["state"], r["deadline"], r["code"]) for r in rows] == [
        ("upheld", at(16, 9), "yellow"),
        ("pending", at(23, 9), "green"),  # its decision is not known yet
        ("overdue", at(17, 9), None),
    ]
    later = appeals.account(APPEALED, changes, RULES, at(25))
    states = engine.rows(later.order_by("appeal_number"), connection)["state"].to_pylist()
    assert states == ["upheld", "refused_late", "overdue"]


def test_a_code_is_explained_in_words_its_holder_understands():
    rows = told({"declarations": daily("a", 11, 14), "screening": CONTACT})
    (yellow,) = [r for r in rows if r["rule"] == "contact_type"]
    code, end, _, appeal, _ = words.explain(yellow, RULES)
    assert "黄码" in code["zh"]
    assert "密切接触者" in code["zh"]
    assert "12345" in appeal["zh"]
    assert "12 Mar 2020" in code["en"]
    assert "no date yet" in end["en"]
    assert "green" in words.explain(rows[0], RULES)[0]["en"]
    assert "没有健康码" in words.explain({"code": None}, RULES)[0]["zh"]


def test_a_token_verifies_without_a_server_and_never_outlives_the_code():
    rows = told({"declarations": daily("a", 11, 20)})
    key = tokens.generate_key()
    keys = {tokens.key_id(key.public_key()): key.public_key()}
    now = datetime(2020, 3, 11, 4, 0, tzinfo=UTC)  # noon in the province
    text = certificate.issue(rows[0], now, RULES, key)
    assert "svg" in tokens.qr_svg(text)
    verdict = certificate.verify(text, keys, now + timedelta(hours=23))
    assert (verdict.code, verdict.rule, verdict.version) == (
        "green", "nothing_known", "2020-03-10.1",
    )  # fmt: skip
    assert "放行" in verdict.words["zh"]
    with pytest.raises(VerificationError, match="expired"):
        certificate.verify(text, keys, now + timedelta(hours=25))
    ending = rows[0] | {"changes": at(11, 15)}
    with pytest.raises(VerificationError, match="expired"):
        certificate.verify(
            certificate.issue(ending, now, RULES, key), keys, now + timedelta(hours=4)
        )
    with pytest.raises(ParameterError, match="no code"):
        certificate.issue(rows[0] | {"code": None}, now, RULES, key)
    with pytest.raises(ParameterError, match="no code"):
        certificate.issue(rows[0], now - timedelta(days=1), RULES, key)


def test_rates_by_group_and_codes_found_wrong():
    connection = engine.connect()
    persons = connection.create_table(
        "persons", pa.table({"person": list("abcd"), "county": ["420106"] * 2 + ["421023"] * 2}),
        temp=True,
    )  # fmt: skip
    records = {
        "declarations": declared(*[(p, at(11, 8), 36.5, None) for p in "abc"]),
        "screening": CONTACT,
    }
    standing = fairness.standing(health_code.tell(records, RULES), persons, at(12, 9))
    counted = fairness.counts(standing, "county", connection)
    rates = fairness.rates(counted, "county").set_index("county")
    assert rates.loc["420106", ["persons", "green", "yellow"]].tolist() == [2, 1, 1]
    assert rates.loc["420106", "ratio"] == pytest.approx(0.5 / (1 / 3))
    assert rates.loc["421023", ["persons", "without_code"]].tolist() == [1, 1]
    checked = pd.DataFrame({"code": "red", "outcome": ["wrong", "right"], "codes": [1, 9]})
    wrong = fairness.false_codes(checked, "code").iloc[0]
    assert (wrong["verified"], wrong["wrong"]) == (10, 1)
    # Wilson's interval of 1 in 10, as Newcombe (1998), Stat. Med. 17: 857, works it out
    assert (wrong["lower"], wrong["upper"]) == (
        pytest.approx(0.0179, abs=5e-4), pytest.approx(0.4042, abs=5e-4),
    )  # fmt: skip


def test_a_rate_rests_on_nothing_hidden():
    counted = pd.DataFrame(
        [
            ("a", "green", 60),
            ("a", "red", 20),
            ("b", "green", 20),
            ("b", "red", pd.NA),
            ("c", "green", 20),
        ],
        columns=["age", "code", "persons"],
    )
    rates = fairness.rates(counted, "age").set_index("age")
    shown = ["persons", "yellow", "red_rate", "ratio"]
    assert rates.loc["a", shown].tolist() == [80, 0, 0.25, 1.25]
    assert rates.loc["b", ["persons", "red", "red_rate", "ratio"]].isna().all()
    assert rates.loc["b", "green"] == 20
    # told together, yellow and red give a rate where neither does
    together = pd.DataFrame(
        [("b", "restricted", 20), ("b", "yellow", pd.NA)], columns=counted.columns
    )
    only = pd.DataFrame([("b", "green", 20), ("b", "restricted", 20)], columns=counted.columns)
    assert fairness.rates(only, "age")[["red", "restricted_rate"]].fillna(-1).iloc[0].tolist() == [
        -1, 0.5,
    ]  # fmt: skip
    both = fairness.rates(pd.concat([counted, together]), "age").set_index("age")
    assert both.loc["b", ["persons", "restricted_rate", "ratio"]].tolist() == [40, 0.5, 1.75]
    assert both.loc["b", ["yellow_rate", "red_rate"]].isna().all()
    checked = pd.DataFrame({"code": "red", "outcome": ["wrong", "right"], "codes": [pd.NA, 9]})
    assert fairness.false_codes(checked, "code").loc[0, ["wrong", "share"]].isna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('code = "green"', 'code = "red"'), "no rule gives a green code"),
        (('id = "fever"', 'id = "suspected"'), "written twice"),
        (('evidence = "test"', 'evidence = "guess"'), "rule.3.evidence"),
        (("province =", "province"), "not TOML"),
    ],
)
def test_rules_that_do_not_hold_together_are_refused(tmp_path: Path, change, message):
    text = (study.root() / "data/hubei-2020/health_code.toml").read_text(encoding="utf-8")
    (tmp_path / "rules.toml").write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        health_code.rules.read(tmp_path / "rules.toml")
    with pytest.raises(StudyError, match="no rules"):
        health_code.rules.read(tmp_path / "absent.toml")


def test_history_knows_where_a_code_came_from():
    """Every row with a code names a rule of the book in its version; green too."""
    rows = told({"declarations": daily("a", 11, 14), "screening": CONTACT})
    assert {RULES.named(r["rule"], r["version"]).code for r in rows} == {"green", "yellow"}
    assert not any(r["changes"] == history.OPEN for r in rows)
