"""The simulated province seen from outside: files, rates, truth, scenarios."""

import json
import re
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from stdnum.cn import ric
from tests import pool_study

from analytics import study as studies
from analytics import tables
from analytics.errors import ParameterError, StudyError
from analytics.pool import boundaries, deliveries, intake, reading, regions
from analytics.simulation import (
    curve,
    dirt,
    epidemic,
    feeds,
    names,
    province,
    scenario,
    truth,
    world,
)

ROOT = Path(__file__).resolve().parents[2]
FIRST, LAST = date(2020, 1, 23), date(2020, 2, 2)
STUDY = "hubei-2020-simulated"


@pytest.fixture(autouse=True)
def _root(monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_ROOT", str(ROOT))


def _simulate(folder, monkeypatch, **more: object) -> tuple[studies.Study, province.Made]:
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    pool_study.with_published(folder)
    study = studies.load(STUDY)
    said = {"people": 2000, "seed": 7, "first": FIRST, "last": LAST} | more
    return study, province.simulate(study, **said)


def _bytes(study) -> dict[str, bytes]:
    return {
        str(p.relative_to(study.state)): p.read_bytes()
        for p in study.state.rglob("*")
        if p.is_file()
    }


@cache
def _province(seed) -> world.World:
    return world.make(studies.load(STUDY), 40_000, seed, FIRST, date(2020, 3, 15))


@pytest.fixture(scope="module")
def sample():
    """A province of 20,000 with its rows by feed, kept in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_ROOT", str(ROOT))
        made = world.make(studies.load(STUDY), 20_000, 3, FIRST, date(2020, 2, 29))
        return made, {rows.feed: rows for rows in feeds.every(made)}


@pytest.mark.slow
def test_same_seed_gives_the_same_bytes(tmp_path, monkeypatch):
    one = _bytes(_simulate(tmp_path / "one", monkeypatch)[0])
    two = _bytes(_simulate(tmp_path / "two", monkeypatch)[0])
    other = _bytes(_simulate(tmp_path / "other", monkeypatch, seed=8)[0])
    assert one == two
    assert one.keys() != other.keys() or one != other


FORMS = ("cases", "community_registration", "tickets", "hotline", "sites", "stranded")


def _taken_whole(study, chosen) -> None:
    complete, others = deliveries.waiting(study)
    assert not others
    places = (regions.lookup(study), regions.in_address(study))
    first = {delivery.feed: delivery for delivery in reversed(complete)}
    with duckdb.connect() as connection:
        for feed in chosen or first:
            contract, delivery = tables.contract(feed), first[feed]
            read = reading.read(delivery.path, contract)
            taken = intake.take(connection, read, contract, places, delivery.delivered.date())
            assert taken.rejected.to_pylist() == [], feed
            assert taken.accepted.num_rows == taken.rows > 0


def test_sound_deliveries_pass_intake_whole(tmp_path, monkeypatch):
    """CSV, GB 18030, Parquet, JSON Lines, workbook and byte-order mark, read as a department's."""
    study, made = _simulate(tmp_path, monkeypatch, dirt="none")
    assert not made.faults
    seen = {delivery.feed for delivery in deliveries.waiting(study)[0]}
    owed = {model.__name__.lower() for model in tables.FEEDS} - set(feeds.SILENT)
    assert owed - seen <= {"cluster_events"}  # a small province may have none
    _taken_whole(study, FORMS)


@pytest.mark.slow
def test_every_sound_feed_passes_intake_whole(tmp_path, monkeypatch):
    """The first delivery of each feed; each feed's statement takes a second to compile."""
    study, _ = _simulate(tmp_path, monkeypatch, dirt="none", people=20_000, last=date(2020, 2, 29))
    _taken_whole(study, ())


def test_references_hold(sample):
    _, rows = sample
    for feed, made in rows.items():
        for column in tables.contract(feed).columns:
            target, dot, key = column.reference.partition(".")
            if dot and target in rows:
                said = set(made.table[column.name].drop_null().to_pylist())
                assert said <= set(rows[target].table[key].to_pylist()), (feed, column.name)


def test_a_phone_is_in_one_city_a_day(sample):
    seen = sample[1]["roaming"].table.to_pandas()
    assert len(seen) > 100
    assert not seen.duplicated(["phone", "date"]).any()


def test_gates_and_sites_stand_in_their_counties(sample):
    made, rows = sample
    areas = boundaries.read(made.base, "county").set_index("adcode").geometry
    for feed in ("gates", "sites"):
        table = rows[feed].table.to_pandas()
        assert table["longitude"].notna().all()
        points = gpd.GeoSeries.from_xy(
            table["longitude"].astype(float), table["latitude"].astype(float), crs=areas.crs
        )
        area = gpd.GeoSeries(areas.reindex(table["county"]).to_numpy(), crs=areas.crs)
        assert area.contains(points).all(), feed
        assert not points.duplicated().any(), feed


def test_change_of_definition_is_acted_out(sample):
    """Cases without a test wait for the day on which the definition takes them in."""
    made, rows = sample
    table = rows["cases"].table.to_pandas()
    counted = table[table["confirmed"].notna()].drop_duplicates("case_number")
    clinical = counted[counted["classification"] == "clinical"]
    assert set(clinical["confirmed"]) == {"2020-02-12"}
    by_day = counted["confirmed"].value_counts()
    around = [f"2020-02-{day:02d}" for day in (9, 10, 11, 13, 14, 15)]
    assert by_day["2020-02-12"] > 2 * by_day.reindex(around).fillna(0).max()
    share = curve.held_back(
        made.published.counts, list(made.people.places.prefectures), made.changes[0]
    )
    before = (counted["confirmed"] < "2020-02-12").sum() + len(clinical)
    assert len(clinical) == pytest.approx(share.max() * before, rel=0.5)
    shown = rows["official_counts"].table.to_pandas()
    shown = shown[shown["measure"] == "confirmed"]
    total = shown["cumulative"].astype(int).groupby(shown["date"]).sum()
    assert total.diff()["2020-02-12"] == by_day["2020-02-12"]
    by_county = rows["county_cumulative"].table.to_pandas()["confirmed"].astype(int)
    assert by_county.sum() == total.iloc[-1]


def test_infections_happen_at_home_and_at_work_as_stated(sample):
    made, _ = sample
    rule, found = made.settings.epidemic, made.epidemic.infections
    local = found.setting[found.setting < 3]
    share = np.bincount(local, minlength=3) / local.size
    near = 4 * np.sqrt(0.25 / local.size)
    assert share[0] == pytest.approx(rule.household, abs=near)
    assert share[1] == pytest.approx(rule.workplace, abs=near)
    home = (found.setting == 0) & (found.infector >= 0)
    same = made.people.household[found.person[home]]
    assert (same == made.people.household[found.person[found.infector[home]]]).all()


def test_rows_know_nothing_of_the_future(sample):
    made, rows = sample
    for feed, given in rows.items():
        contract = tables.contract(feed)
        until = made.start + given.day.astype("timedelta64[D]")
        for column in contract.columns:
            if column.kind in {"date", "moment"} and not column.future:
                said = pd.to_datetime(given.table[column.name].to_pandas()).dt.normalize()
                assert not (said > pd.Series(until)).any(), (feed, column.name)


def test_numbers_are_sound_and_nobodys(sample):
    made, _ = sample
    people = made.people.identity.to_pandas()
    resident = people[people["document"] == "resident_id"]
    assert resident["id_number"].is_unique
    some = resident.sample(500, random_state=1)
    for number, born, sex in zip(some["id_number"], some["birth_date"], some["sex"], strict=True):
        assert ric.calc_check_digit(number) == number[-1]
        assert number[2:4] == "99"  # no region of GB/T 2260
        assert number[6:14] == born.replace("-", "")
        assert int(number[16]) % 2 == (sex == "male")
    assert resident["phone"].str.fullmatch(r"1(?:54|42|43)\d{8}").all()


def test_check_character_of_the_standard():
    """The worked example of GB 11643-1999, appendix A: 11010519491231002X."""
    made = names._closed(np.array([11010519491231002]))
    assert made.to_pylist() == ["11010519491231002X"]


def test_persons_are_conserved(sample):
    made, rows = sample
    people = made.people
    assert (people.places.prefecture[people.county] == people.prefecture).all()
    register = rows["resident_register"]
    assert sorted(register.person.tolist()) == list(range(people.residents))
    counts = rows["population"].table.to_pandas().set_index("region")["residents"].astype(int)
    county = list(people.places.counties)
    assert counts[county].sum() == people.residents == counts["420000"]
    found = made.epidemic.infections
    assert np.unique(found.person).size == found.person.size  # nobody twice
    by = found.infector >= 0
    assert (found.day[found.infector[by]] < found.day[by]).all()


def test_who_leaves_is_there_and_who_comes_back_was_away(sample):
    made, rows = sample
    trips = made.epidemic.trips
    order = np.lexsort((trips.day, trips.person))
    person, day, back = trips.person[order], trips.day[order], trips.back[order]
    again = np.flatnonzero(person[1:] == person[:-1])
    assert again.size > 10
    assert (day[again + 1] >= back[again]).all()  # nobody leaves twice without a return
    came = back < made.last + 1
    assert (back[came] > day[came]).all()
    closed = made.position(made.settings.travel.closed)
    rule = made.settings.travel
    over = 1 - np.exp(-np.maximum(closed - 1 - day, 0) / rule.stay_days_mean)  # stays, by then
    expected = rule.returning * over.sum()
    assert (back[came] < closed).sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert (back[came] < closed).mean() > 0.95  # hardly anybody passes a closed channel
    seats = rows["tickets"].table.to_pandas()
    home = seats["destination"] == made.settings.origin
    assert 0.2 < home.mean() < 0.6
    assert (seats["origin"][home] != made.settings.origin).all()
    assert (seats["origin"][~home] == made.settings.origin).all()
    assert not rows["stranded"].table.to_pandas().duplicated(
        ["registration_number", "left"]).any()  # fmt: skip


def test_rates_of_dirt_are_those_stated(sample):
    made, rows = sample
    rates = scenario.dirt(made.settings, "easy")
    sound = rows["community_registration"]
    soiled = dirt.soil(sound, rates, made.people.size, made.seed)
    before, after = sound.table, soiled.table
    missing = after["id_number"].null_count / len(sound.day)
    assert missing == pytest.approx(rates.id_missing["government_affairs"], abs=0.01)
    both = pc.and_(
        after["phone"].is_valid(),
        pc.true_unless_null(pc.not_equal(before["phone"], after["phone"])),
    )
    changed = pc.starts_with(after["phone"], "142")
    share = pc.sum(pc.and_(both, pc.fill_null(changed, False))).as_py() / len(sound.day)  # noqa: FBT003
    assert share == pytest.approx(rates.changed_phone * (1 - rates.phone_missing), abs=0.015)
    name = pc.mean(pc.not_equal(before["name"], after["name"]).cast("int8")).as_py()
    assert name == pytest.approx(rates.name_error, abs=0.01)
    wide = pc.sum(pc.match_substring_regex(after["id_number"], "[０-９]")).as_py()
    assert wide / len(sound.day) == pytest.approx(rates.full_width, abs=0.006)
    assert dirt.soil(sound, scenario.Dirt(), made.people.size, 1).table == before


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scaled_curve_is_reproduced(seed):
    """Reported cases follow the official curve within four standard errors of a Poisson count."""
    made = _province(seed)
    factor = scenario.scale(made.settings, made.people.residents)
    base = studies.load(made.settings.based_on)
    days = pd.date_range(made.start, made.published.counts["date"].max())
    seen = curve.reports(
        made.published.counts, list(made.people.places.prefectures), days, base.definition_changes,
        made.settings.epidemic.growth_doubling_days,
    )  # fmt: skip
    official = np.cumsum(seen.sum(axis=0)) * factor
    found = made.epidemic.infections
    inside = found.reported[(found.reported <= made.last) & (found.reporting >= 0)]
    reported = np.cumsum(np.bincount(inside, minlength=made.last + 1))
    for day in (date(2020, 2, 5), date(2020, 2, 15), date(2020, 3, 15)):
        at = made.position(day)
        assert reported[at] == pytest.approx(official[at], abs=4 * np.sqrt(official[at])), day


def test_step_of_definition_is_spread_back():
    """12 February adds 14,840 cases on one day; infections have no such step."""
    study = studies.load("hubei-2020")
    from analytics.pool import figures, published

    figures.bring(study)
    counts = published.read(study).counts
    days = pd.date_range("2020-01-01", counts["date"].max())
    codes = sorted(counts["adcode"].unique())
    seen = curve.reports(counts, codes, days, study.definition_changes, 5.0)
    last = counts.groupby("adcode")["confirmed"].last().reindex(codes).to_numpy(float)
    assert seen.sum(axis=1) == pytest.approx(last)
    assert (seen >= 0).all()
    total = seen.sum(axis=0)
    at = days.get_loc("2020-02-12")
    assert total[at] < 1.5 * total[at - 4]


def _by_scenario(name, seed=1) -> tuple[int, int, int]:
    """Infections outside the origin, all infections, trips; baseline where no name is given."""
    made = _province(seed)
    found = made.epidemic
    if name != "baseline":
        course = found.transmission
        chosen = scenario.choose(made.settings, name)
        found = epidemic.run(
            made.people,
            made.settings,
            chosen,
            course.days,
            course.target,
            made.routes,
            seed,
            course,
        )
    away = found.infections.where != made.routes.origin
    return int(away.sum()), int(found.infections.person.size), int(found.trips.person.size)


def test_closing_the_channel_earlier_lowers_exported_infections():
    early, base = _by_scenario("closed_a_week_earlier"), _by_scenario("baseline")
    assert early[2] < base[2]
    assert early[0] < 0.6 * base[0]


def test_open_channel_lets_more_leave_and_infects_more_elsewhere():
    kept_open, base = (
        np.sum([_by_scenario(name, seed) for seed in (1, 2, 3)], axis=0)
        for name in ("never_closed", "baseline")
    )
    assert kept_open[2] > 1.3 * base[2]
    assert kept_open[0] > 1.25 * base[0]


def test_tracing_sooner_infects_fewer_and_later_more():
    seeds = (1, 2, 3)
    sooner, base, later = (
        sum(_by_scenario(name, seed)[1] for seed in seeds)
        for name in ("traced_sooner", "baseline", "traced_later")
    )
    assert sooner < base < later


def test_stranded_have_a_floor_and_a_hidden_remainder(sample):
    made, rows = sample
    known = rows["stranded"].table.to_pandas()
    known = known[known["direction"] == "inside"].drop_duplicates("registration_number")
    assert len(known) <= made.settings.stranded.floor
    assert set(known["group"]) == {str(group) for group in made.settings.stranded.groups}
    visitors = np.arange(made.people.residents, made.people.size)
    hidden = np.setdiff1d(visitors, rows["stranded"].person)
    assert hidden.size >= made.settings.stranded.floor * made.settings.stranded.hidden * 0.9
    assert np.isin(hidden, rows["hotel_stays"].person).any()
    full = scenario.stranded(made.settings, made.settings.reference_residents)
    assert (full[0], full[2]) == (2590, 148)


def test_no_bed_is_given_twice(sample):
    _, rows = sample
    table = rows["rooms"].table.to_pandas()
    assert (table["occupied"].astype(int) <= table["beds"].astype(int)).all()
    assert (table["occupied"].astype(int) >= 0).all()
    beds = rows["beds"].table.to_pandas()
    assert (beds["occupied"].astype(int) <= beds["beds"].astype(int)).all()


def test_truth_lies_apart_and_closed(tmp_path, monkeypatch):
    study, made = _simulate(tmp_path, monkeypatch)
    place = study.state / truth.FOLDER
    assert place.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o077 == 0 for p in place.rglob("*"))
    assert pq.read_table(place / "infections.parquet").num_rows == made.infections
    said = json.loads((study.state / province.SUMMARY).read_text())
    assert said["scale"]["en"] == made.rule.en
    with pytest.raises(StudyError, match="simulation already"):
        _simulate(tmp_path, monkeypatch)
    _simulate(tmp_path, monkeypatch, anew=True)


def test_nobody_but_the_simulation_reads_the_truth():
    """No floor below the command line names the truth's folder or imports its writer."""
    reads = re.compile(r"[\"']truth[\"'/]|/truth\b|simulation(?:\.|\s+import\s+.*)truth")
    imports = re.compile(r"analytics\.simulation|from analytics import .*\bsimulation\b")
    source = ROOT / "src/analytics"
    for floor in ("analysis", "pool", "render", "loop", "privacy", "reporting", "methods"):
        for path in (source / floor).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not reads.search(text), path
            if floor != "loop":
                assert not imports.search(text), path
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        assert not reads.search(path.read_text(encoding="utf-8")), path


def test_every_fault_of_a_delivery_happens(tmp_path, monkeypatch):
    study, made = _simulate(tmp_path, monkeypatch)
    assert {"late", "corrected", "missing"} <= set(made.faults)
    schedule = pq.read_table(study.state / truth.FOLDER / "schedule.parquet").to_pandas()
    owed = schedule[schedule["fault"] != "missing"]
    complete, _ = deliveries.waiting(study)
    came = {(d.feed, d.date.isoformat()) for d in complete}
    assert came == set(zip(owed["feed"], owed["date"], strict=True))
    twice = schedule[(schedule["fault"] == "duplicate")]
    for feed, day in zip(twice["feed"], twice["date"], strict=True):
        mine = [d.sha256 for d in complete if (d.feed, d.date.isoformat()) == (feed, day)]
        assert len(mine) == 2
        assert len(set(mine)) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"people": 10}, "no province"),
        ({"scenario_name": "closed"}, "no scenario"),
        ({"dirt": "filthy"}, "no rates"),
        ({"last": date(2020, 1, 1)}, "no span"),
    ],
)
def test_impossible_wishes_are_refused(tmp_path, monkeypatch, wrong, said):
    with pytest.raises(ParameterError, match=said):
        _simulate(tmp_path, monkeypatch, **wrong)


def test_a_real_study_is_not_simulated(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    with pytest.raises(StudyError, match="not simulated"):
        province.simulate(studies.load("hubei-2020"), 2000, 1, FIRST, LAST)


def test_infections_delayed_are_the_reports():
    rule = scenario.load(studies.load(STUDY)).epidemic
    days = pd.date_range("2020-01-01", periods=90)
    true = np.exp(-0.5 * ((np.arange(90) - 35) / 6.0) ** 2)[None, :] * 1000
    delay = curve.delays(rule, days)
    found = curve.infections(true @ delay, delay, rounds=60)
    assert (found @ delay)[0, 20:80] == pytest.approx((true @ delay)[0, 20:80], rel=0.05, abs=5)
