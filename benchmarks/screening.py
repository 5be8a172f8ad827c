"""
One million people with five million contact edges into categories, beside pandas in one run.

Both hold the same linked tables in memory (cases, tests, visits to fever clinics, declared
contacts, a register of households) and give everybody a category and a deciding rule; the
two answers must be equal. Imports, making and loading of tables are not counted.
"""

from __future__ import annotations

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
started, spent = time.perf_counter(), time.process_time()
everybody = linked["resident_register"].select("person")
found = screening.screen(linked, protocols, day, everybody)
answer = engine.rows(found.persons, connection)
seconds, processor = time.perf_counter() - started, time.process_time() - spent
counts = {str(c["values"]): c["counts"] for c in answer["rule"].value_counts().to_pylist()}
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
