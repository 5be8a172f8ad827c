"""
One million people with five million contact edges into categories, beside pandas in one run.

Both hold the same linked tables in memory (cases, tests, visits to fever clinics, declared
contacts, a register of households) and give everybody a category and a deciding rule; the
two answers must be equal. Imports, making and loading of tables are not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PERSONS = 1_000_000
EDGES = 5_000_000
CASES = 60_000

TABLES = f"""
CREATE MACRO name(i) AS md5(CAST(i AS VARCHAR));
CREATE MACRO draw(i, salt) AS hash(i * 64 + salt) / 18446744073709551616.0;
CREATE TABLE resident_register AS SELECT name(i) AS person, CAST(420100 + i // 9000 AS VARCHAR)
  AS county, 'H' || (i // 3) AS household FROM range({PERSONS}) t(i);
CREATE TABLE cases AS SELECT name(i * {PERSONS // CASES}) AS person, 'C' || md5('c' || i)
  AS case_number, '420106' AS reporting_county,
  ['confirmed', 'confirmed', 'suspected', 'excluded'][1 + CAST(floor(draw(i, 1) * 4) AS INT)]
  AS classification, DATE '2020-01-20' + CAST(floor(draw(i, 2) * 38) AS INT) AS onset,
  DATE '2020-01-20' + CAST(floor(draw(i, 2) * 38) AS INT) + 2 AS reported,
  CASE WHEN draw(i, 1) < 0.5 THEN DATE '2020-01-20' + CAST(floor(draw(i, 2) * 38) AS INT) + 2 END
  AS confirmed, CASE WHEN draw(i, 1) < 0.25 THEN 'recovered' WHEN draw(i, 1) < 0.27 THEN 'died'
  END AS outcome, CASE WHEN draw(i, 1) < 0.27 THEN DATE '2020-02-28' END AS outcome_date
  FROM range({CASES}) t(i);
CREATE TABLE contacts AS SELECT name(CAST(floor(draw(i, 3) * {PERSONS}) AS BIGINT)) AS person,
  'K' || md5('k' || i) AS contact_number, 'C' || md5('c' || (i % {CASES})) AS case_number,
  DATE '2020-01-22' + CAST(floor(draw(i, 4) * 36) AS INT) AS first_contact,
  DATE '2020-01-22' + CAST(floor(draw(i, 4) * 36) AS INT) AS last_contact,
  TIMESTAMP '2020-02-28 09:00:00' AS reported,
  ['under_observation', 'released', 'lost'][1 + CAST(floor(draw(i, 5) * 3) AS INT)] AS status
  FROM range({EDGES}) t(i);
CREATE TABLE tests AS SELECT name(i * 5) AS person, 'T' || i AS test_number, 'nucleic_acid'
  AS method, TIMESTAMP '2020-02-10 08:00:00' + INTERVAL (CAST(floor(draw(i, 6) * 18) AS INT)) DAY
  AS sampled, TIMESTAMP '2020-02-10 18:00:00' + INTERVAL (CAST(floor(draw(i, 6) * 18) AS INT)) DAY
  AS resulted, CASE WHEN draw(i, 7) < 0.02 THEN 'positive' ELSE 'negative' END AS result
  FROM range({PERSONS // 5}) t(i);
CREATE TABLE fever_visits AS SELECT name(i * 5 + 1) AS person, 'V' || i AS visit_number,
  TIMESTAMP '2020-02-05 08:00:00' + INTERVAL (CAST(floor(draw(i, 8) * 23) AS INT)) DAY AS visited,
  '420106' AS county, 37.0 + 2 * draw(i, 9) AS temperature, draw(i, 10) < 0.5 AS respiratory,
  CASE WHEN draw(i, 11) < 0.8 THEN draw(i, 12) < 0.1 END AS imaging, draw(i, 13) < 0.3
  AS lymphocytes_low, draw(i, 14) < 0.1 AS exposure,
  ['excluded', 'fever', 'suspected'][1 + CAST(floor(draw(i, 15) * 3) AS INT)] AS diagnosis
  FROM range({PERSONS // 5}) t(i);
"""
FEEDS = ("resident_register", "cases", "contacts", "tests", "fever_visits")

OURS = """
from analytics import engine
from analytics.analysis import screening
connection = engine.connect(memory="4GB")
for feed in FEEDS:
    connection.con.execute(f"CREATE TABLE {feed} AS FROM read_parquet('{place}/{feed}.parquet')")
linked = {feed: connection.table(feed) for feed in FEEDS}
protocols, day = screening.load(), date(2020, 2, 28)
engine.rows(screening.screen({}, protocols, day).persons, connection)  # imports of a first call
started, spent = time.perf_counter(), time.process_time()
everybody = linked["resident_register"].select("person", "county")
found = screening.screen(linked, protocols, day, everybody)
answer = engine.rows(found.persons, connection)
seconds, processor = time.perf_counter() - started, time.process_time() - spent
counts = {str(c["values"]): c["counts"] for c in answer["rule"].value_counts().to_pylist()}
"""
PANDAS = """
import numpy as np
import pandas as pd
read = lambda feed: pd.read_parquet(f"{place}/{feed}.parquet")
register, cases, contacts, tests, visits = (read(feed) for feed in FEEDS)
day = pd.Timestamp(2020, 2, 28)
for frame, columns in ((cases, ["onset", "reported", "confirmed", "outcome_date"]),
                       (contacts, ["first_contact", "last_contact"])):
    for column in columns:
        frame[column] = pd.to_datetime(frame[column])
started, spent = time.perf_counter(), time.process_time()
two, first = pd.Timedelta(days=2), day - pd.Timedelta(days=14)
ended = cases[cases["outcome"].notna()]
recovered = ended[ended["outcome"] == "recovered"]
active = cases[cases["outcome"].isna()]
visits["day"] = visits["visited"].dt.normalize()
closed = pd.concat([
    visits.loc[visits["diagnosis"] == "excluded", ["person", "visited"]],
    pd.DataFrame({"person": recovered["person"],
                  "visited": recovered["outcome_date"] + pd.Timedelta(days=1)}),
    cases.loc[cases["classification"] == "excluded", ["person"]].assign(
        visited=cases["reported"] + pd.Timedelta(days=1)),
]).groupby("person")["visited"].max().rename("closed")
seen = visits.join(closed, on="person")
seen = seen[seen["closed"].isna() | (seen["visited"] > seen["closed"])]
live = cases[cases["classification"] != "excluded"]
positive = tests[tests["result"] == "positive"]
doubted = seen[seen["diagnosis"] == "suspected"]
known = cases.assign(taken=cases["confirmed"].fillna(cases["outcome_date"]))
taken = known.set_index("person")["taken"]
other = pd.concat([
    pd.DataFrame({"person": positive["person"], "began": positive["sampled"].dt.normalize()}),
    pd.DataFrame({"person": doubted["person"], "began": doubted["day"]}),
])
away = other["person"].map(taken)
spans = pd.concat([
    pd.DataFrame({"person": live["person"], "since": live["onset"],
                  "until": live["confirmed"].fillna(live["outcome_date"]).fillna(day)}),
    pd.DataFrame({"person": other["person"], "since": other["began"],
                  "until": away.where(away >= other["began"]).fillna(
                      other["person"].map(known.set_index("person")["outcome_date"])).fillna(day)}),
]).groupby("person").agg(since=("since", "min"), until=("until", "max"))
spans["since"] -= two
met = contacts[contacts["status"] != "released"].merge(
    live[["case_number", "onset"]], on="case_number")
met = met[met["last_contact"] >= met["onset"] - two]
met["first"] = met["first_contact"].where(met["first_contact"] > met["onset"] - two,
                                          met["onset"] - two)
met = met[["person", "first", "last_contact"]].rename(columns={"last_contact": "last"})
homes = register.join(spans, on="person", how="inner")
home = register[register["household"].isin(homes["household"])].merge(
    homes, on=["county", "household"], suffixes=("", "_source"))
home = home[home["person"] != home["person_source"]]
home = home[["person", "since", "until"]].rename(columns={"since": "first", "until": "last"})
edges = pd.concat([met.assign(rule=0), home.assign(rule=1)])
pair = seen[["person", "visit_number", "day"]].merge(edges, on="person")
pair = pair[(pair["last"] >= pair["day"] - pd.Timedelta(days=14)) & (pair["first"] <= pair["day"])]
exposed = seen["visit_number"].isin(pair["visit_number"]) | seen["exposure"]
symptom = (seen["temperature"] >= 37.3) | seen["respiratory"]
image, image_known = seen["imaging"].eq(True), seen["imaging"].notna()
present = symptom.astype(int) + image + seen["lymphocytes_low"]
may = symptom.astype(int) + (image | ~image_known) + seen["lymphocytes_low"]
picture = (exposed & (present >= 2)) | (present >= 3)
open_ = ~picture & ((exposed & (may >= 2)) | (may >= 3))
acid = tests.join(
    pd.concat([seen[["person", "day"]],
               cases.loc[cases["classification"] == "suspected", ["person", "onset"]].rename(
                   columns={"onset": "day"})]).groupby("person")["day"].max(), on="person",
    how="inner")
assert acid.groupby("person").size().max() == 1  # one test each: nobody is excluded by two
rules = [
    ("outcome_died", ended.loc[ended["outcome"] == "died", "person"]),
    ("class_confirmed", active.loc[active["classification"] == "confirmed", "person"]),
    ("test_positive", positive["person"][~(positive["sampled"].dt.normalize() <= positive[
        "person"].map(recovered.set_index("person")["outcome_date"]))]),
    ("class_suspected", active.loc[active["classification"] == "suspected", "person"]),
    ("doctor_suspected", seen.loc[seen["diagnosis"] == "suspected", "person"]),
    ("picture_exposed", seen.loc[exposed & (present >= 2), "person"]),
    ("picture_unexposed", seen.loc[present >= 3, "person"]),
    ("outcome_recovered", recovered["person"]),
    ("doctor_fever", seen.loc[(seen["diagnosis"] == "fever") & (
        seen["visited"] >= day - pd.Timedelta(days=13)), "person"]),
]
now = edges[(edges["last"] >= first) & (edges["first"] <= day)]
rules += [("contact_declared", now.loc[now["rule"] == 0, "person"]),
          ("contact_household", now.loc[now["rule"] == 1, "person"])]
person = pd.Index(register["person"])
best = np.full(len(person), len(rules))
for place in range(len(rules) - 1, -1, -1):
    at = person.get_indexer(pd.unique(rules[place][1]))
    best[at[at >= 0]] = place
seconds, processor = time.perf_counter() - started, time.process_time() - spent
names = [name for name, _ in rules] + ["None"]
counts = {names[k]: int(n) for k, n in enumerate(np.bincount(best, minlength=len(names))) if n}
"""
TIMED = """
import json, resource, sys, time
from datetime import date
place, FEEDS = sys.argv[1], {feeds}
{body}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
counts = {{str(rule): int(number) for rule, number in counts.items()}}
print(json.dumps(dict(seconds=seconds, processor=processor, megabytes=peak, counts=counts)))
"""


def run() -> list[dict[str, object]]:
    """Screen the same people twice, each in a process of its own; elapsed and processor time."""
    import duckdb

    with tempfile.TemporaryDirectory() as place:
        with duckdb.connect(config={"memory_limit": "3GB"}) as connection:
            connection.execute(TABLES)
            for feed in FEEDS:
                connection.execute(f"COPY {feed} TO '{place}/{feed}.parquet'")
        ours, theirs = _measured(OURS, place), _measured(PANDAS, place)
    if ours["counts"] != theirs["counts"]:
        raise AssertionError(f"pandas found {theirs['counts']}, we {ours['counts']}")
    what = f"{PERSONS:,} persons, {EDGES:,} contact edges, beside pandas"
    return [
        {
            "name": "screening",
            "what": f"{what} [{unit}]",
            "ours": ours[measure],
            "peer": theirs[measure],
            "ratio": theirs[measure] / ours[measure],
            "peak_memory_mb": ours["megabytes"],
        }
        for measure, unit in (("seconds", "s"), ("processor", "s of processor time"))
    ]


def _measured(body: str, place: str | Path) -> dict[str, Any]:
    said = subprocess.run(
        [sys.executable, "-c", TIMED.format(feeds=FEEDS, body=body), str(place)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(json.loads(said.stdout.splitlines()[-1]))
