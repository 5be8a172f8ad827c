"""The nowcast of the risk page: from versions of cases or counts, and no small count leaves."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests import pool_study

from analytics import engine, tables
from analytics import study as studies
from analytics.analysis import incidence
from analytics.pool import archive
from analytics.pool.areas import areas
from analytics.privacy import keys, vault
from analytics.render import risk as render
from analytics.render.blocks import Missing, dumps
from analytics.reporting import recent_cases

DAY, FIRST = date(2020, 2, 29), date(2020, 1, 23)
REGION = "420000"
PARENTS = {"420102": "420100", "420103": "420100", "420502": "420500", "420602": "420600"}

SEEN = pa.schema(
    [("reporting_county", pa.string()), ("classification", pa.string())]
    + [(name, pa.date32()) for name in ("onset", "since", "until")]
)


def told(random, areas_=("420102", "420103", "420502"), rate=(12.0, 12.0, 0.0)):
    """Spells of cases told 0 to 6 days after their onset, alike on each; and what came of them."""
    rows, final = [], {}
    for adcode, mean in zip(areas_, rate, strict=True):
        for n in range((DAY - FIRST).days + 1):
            onset = FIRST + timedelta(n)
            for delay, cases in enumerate(random.multinomial(random.poisson(mean), [1 / 7] * 7)):
                final[PARENTS[adcode]] = final.get(PARENTS[adcode], 0) + (
                    cases if n > (DAY - FIRST).days - 14 else 0
                )
                if cases and onset + timedelta(delay) <= DAY:
                    rows.append((adcode, onset, onset + timedelta(delay), None, cases))
    return pd.DataFrame(rows, columns=["adcode", "date", "since", "until", "new"]), final


def test_only_confirmed_cases_with_an_onset_are_counted_while_they_stood():
    day = date.fromisoformat
    history = ibis.memtable(pa.Table.from_pylist([
        {"reporting_county": "420102", "classification": kind, "onset": onset, "since": since,
         "until": until}
        for kind, onset, since, until in (
            ("suspected", day("2020-02-01"), day("2020-02-03"), day("2020-02-05")),
            ("confirmed", day("2020-02-01"), day("2020-02-05"), day("2020-02-07")),
            ("confirmed", None, day("2020-02-05"), None),
            ("clinical", day("2020-02-01"), day("2020-02-12"), None),
        )
    ], SEEN))  # fmt: skip
    connection = engine.connect()
    spells = engine.collect(incidence.onsets(history), connection)
    assert spells["new"].tolist() == [1]
    early = spells.assign(since=pd.Timestamp("2020-01-31"), until=pd.Timestamp("2020-02-03"))
    found = incidence.by_evening(early, PARENTS, day("2020-02-04"))
    of_first = found[(found["adcode"] == "420100") & (found["date"] == "2020-02-01")]
    assert of_first["new"].tolist() == [1, 1, 0, 0]


def test_recent_days_are_expected_to_grow_and_earlier_estimates_held():
    spells, final = told(np.random.default_rng(2))
    found = incidence.completed(incidence.by_evening(spells, PARENTS, DAY), REGION)
    rows = found.areas.set_index("adcode")
    assert rows.index.tolist() == ["420100", "420500", "420600", REGION]
    wuhan = rows.loc["420100"]
    assert wuhan["reported"] < wuhan["lower"] <= final["420100"] <= wuhan["upper"]
    assert wuhan["complete"] == pytest.approx(wuhan["reported"] / final["420100"], abs=0.08)
    assert (rows.loc["420500", "reported"], rows.loc["420500", "lower"]) == (0, 0)
    assert 1 <= rows.loc["420500", "upper"] <= 4
    assert found.checked >= 6
    assert found.inside >= 0.8 * found.checked
    assert found.days.loc[found.days["incomplete"], "upper"].min() >= 1


def test_too_few_evenings_or_late_cases_are_said_and_nothing_is_estimated():
    spells, _ = told(np.random.default_rng(2))
    soon = incidence.by_evening(spells, PARENTS, FIRST + timedelta(19))
    assert incidence.completed(soon, REGION).missing == "few_evenings"
    punctual = spells.assign(since=spells["date"])
    found = incidence.completed(incidence.by_evening(punctual, PARENTS, DAY), REGION)
    assert (found.missing, found.late, len(found.areas)) == ("nothing_late", 0, 0)
    assert len(incidence.by_evening(spells.iloc[:0], PARENTS, DAY)) == 0


def counts(late: int):
    """Published counts of 38 days, twenty a day; of each day but some are told a day later."""
    rows = []
    days = [FIRST + timedelta(n) for n in range((DAY - FIRST).days + 1)]
    for n, when in enumerate(days):
        whole, now = 20 * (n + 1), 20 * (n + 1) - late
        after = when + timedelta(1) if late else None
        rows.append(("420100", when, when, after, now))
        if late and when < DAY:
            rows.append(("420100", when, after, None, whole))
    return pd.DataFrame(rows, columns=["adcode", "date", "since", "until", "cumulative"])


def test_published_counts_that_are_completed_later_are_nowcast_too():
    found = incidence.published(counts(0), ["420100"], DAY, REGION)
    assert (found.missing, found.evenings) == ("nothing_late", 38)
    found = incidence.published(counts(8), ["420100"], DAY, REGION)
    assert found.missing == ""
    row = found.areas.set_index("adcode").loc["420100"]
    assert row["reported"] == 14 * 20 - 8
    assert row["lower"] <= 14 * 20 <= row["upper"]


@pytest.fixture
def screened(tmp_path, monkeypatch):
    """A study of which somebody was screened; its cases are put into the fixture's hands."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    chosen = studies.load("hubei-2020-simulated")
    ring = keys.create(chosen.name)
    name = f"screening/{DAY}/persons"
    vault.seal_table(chosen.state / "vault", pa.table({"person": ["p"]}), name, DAY, ring)
    return chosen


def cases(study, counted):
    """Put cases into the archive: so many of a county, onset and day of report."""
    contract = tables.contract("cases")
    entries, number = [], 0
    by_day: dict[date, list[dict]] = {}
    for county, onset, reported, cases_ in counted:
        for _ in range(cases_):
            number += 1
            by_day.setdefault(reported, []).append(
                {"record": f"r{number}", "case_number": f"c{number}", "reporting_county": county,
                 "classification": "confirmed", "onset": onset, "reported": reported}
            )  # fmt: skip
    folder = study.state / "archive"
    with archive.writing(folder):
        for day, rows in sorted(by_day.items()):
            entry = archive.Entry(
                "cases", "health", day, "cases.csv", f"{day:%Y%m%d}".ljust(64, "0"),
                datetime(day.year, day.month, day.day, 20, tzinfo=studies.ZONE), "", len(rows),
                0, 0,
            )  # fmt: skip
            whole = [
                row | {"version": row["record"], "delivery": entry.mark, "for_date": day,
                       "withdrawn": False}
                for row in rows
            ]  # fmt: skip
            part = pa.Table.from_pylist(whole, archive.schema(contract))
            (digest,) = archive.write_parts(folder, "cases", [part])
            entries.append(archive.Entry(**{**entry.__dict__, "part": digest}))
        archive.append(folder, entries)


def test_small_counts_stay_inside_with_the_estimates_that_follow_from_them(screened):
    """Of 420500 three cases are told: neither they nor their nowcast leave; of none, both do."""
    spells, _ = told(np.random.default_rng(5), ("420102", "420103", "420602"), (12.0, 12.0, 5.0))
    counted = list(spells[["adcode", "date", "since", "new"]].itertuples(index=False, name=None))
    counted += [("420502", DAY - timedelta(8), DAY - timedelta(6), 3)]
    cases(screened, counted)
    found = recent_cases.recent_cases(screened, DAY, areas(screened))
    assert (found.basis, found.missing) == ("onset", "")
    rows = found.areas.set_index("adcode")
    assert rows.loc["420500", ["reported", "median", "upper"]].isna().all()
    assert rows.loc["420100", "reported"] > 100
    assert (rows.loc["421300", "reported"], rows.loc["421300", "lower"]) == (0, 0)
    assert "before" not in rows
    shown = found.days["reported"].dropna()
    assert ((shown == 0) | (shown >= 10)).all()
    again = recent_cases.recent_cases(screened, DAY, areas(screened))
    pd.testing.assert_frame_equal(again.areas, found.areas)
    section = render.recent_cases(found, areas(screened), screened, DAY)
    table = {row["code"]: row for row in section.tables[0].rows}
    assert isinstance(table["420500"]["estimate"], Missing)
    assert re.fullmatch(r"\d+（\d+–\d+）", table["420100"]["estimate"].zh)
    assert section.paragraphs[0].en.startswith("Track record: of ")
    assert "420500" in dumps(section)


def test_where_every_count_has_one_version_the_page_says_so(tmp_path, monkeypatch):
    study = pool_study.make(monkeypatch, tmp_path)
    pool_study.with_published(tmp_path / "home")
    found = recent_cases.recent_cases(study, DAY, areas(study))
    section = render.recent_cases(found, areas(study), study, DAY)
    assert section.tables == ()
    assert section.title.zh == "未作即时预测"
    assert section.paragraphs[0].en.startswith("Each count of 38 days has one version")
    assert "不是零" in section.paragraphs[0].zh


def test_curve_shows_what_is_told_and_what_is_expected():
    """Of a province with many cases every day may leave, and is drawn."""
    spells, _ = told(np.random.default_rng(3), rate=(90.0, 90.0, 30.0))
    found = incidence.completed(incidence.by_evening(spells, PARENTS, DAY), REGION)
    chosen = studies.load("hubei-2020")
    section = render.recent_cases(found, areas(chosen), chosen, DAY)
    (chart,) = section.charts
    names = [trace.get("name") for trace in chart.figure["en"]["data"]]
    assert "told" in names
    assert section.title.en.startswith("Nowcast, cases with onset in the last 14 days: ")
    few = render.recent_cases(
        incidence.Completed("report", 12, 0, "few_evenings", found.areas, found.days),
        areas(chosen), chosen, DAY,
    )  # fmt: skip
    assert "12 days" in few.paragraphs[0].en
    some = render.recent_cases(
        incidence.Completed("report", 30, 4, "nothing_late", found.areas, found.days),
        areas(chosen), chosen, DAY,
    )  # fmt: skip
    assert "只有4例" in some.paragraphs[0].zh
