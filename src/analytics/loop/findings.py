"""
What the workbench itself found and the field should check, as FINDINGS.

Any analysis hands over a table of that contract (Arrow, or Parquet in the state's
``findings`` folder); here are those of the pool and of linkage, and of screening.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from analytics import tables
from analytics.errors import ContractError
from analytics.loop import ledger, thresholds, wording
from analytics.pool import archive, deliveries
from analytics.privacy import vault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.pool.archive import Entry
    from analytics.privacy.keys import Ring
    from analytics.study import Study

SHARED_JOURNEY: Final = "screening.shared_journey"
"""Rule that flags those who are close contacts only by having travelled near a case."""
RECORDS, PAIRS, SCREENING = "records", "linkage_review", "screening"  # duties of the roster
_VERSION: Final = "1"
_KINDS: Final = {  # in Chinese, in English, priority
    "confirmed": ("确诊患者", "confirmed case", 5), "suspected": ("疑似患者", "suspected case", 1),
    "fever": ("发热患者", "fever patient", 3), "close_contact": ("密切接触者", "close contact", 3),
}  # fmt: skip


_SETTINGS: Final = {
    "household": ("同一家庭", "household"), "workplace": ("同一单位", "workplace"),
    "site": ("同一安置点", "resettlement site"), "carriage": ("同一车厢", "carriage"),
}  # fmt: skip


def rejects(study: Study, moment: datetime, *, each: int = 50) -> pa.Table:
    """
    List rows that broke their contract, for the department that sent them.

    Parameters
    ----------
    study : Study
        Its receipts say which rows were set aside and why.
    moment : datetime
        Deliveries that arrived later are left out.
    each : int
        Rows asked about, at most, per delivery and reason: the rest fall with the first.

    Returns
    -------
    FINDINGS table
        ``subject`` is the delivery's name and the row's position, so that nobody is named; the
        county is the province, whose records office answers.
    """
    entries = [
        entry
        for entry in archive.entries(study.state / "archive")
        if entry.quarantined and entry.delivered <= moment
    ]
    found = [
        _record_wrong(study, entries[one["delivery"]], one)
        for one in deliveries.rejects(study, entries, each=each).to_pylist()
    ]
    return table(found)


def _record_wrong(study: Study, entry: Entry, fault: dict[str, Any]) -> dict[str, Any]:
    """Ask the department that sent a row about one fault of it."""
    column, reason = fault["column"], fault["reason"]
    check_zh, check_en = wording.CHECKS["record_wrong"]
    return {
        "duty": RECORDS, "purpose": "statistics", "county": study.region,
        "subject": f"{entry.name}/{fault['position']}:{column or 'row'}",
        "subject_kind": "record", "asks": "record_wrong",
        "rule": f"contract.{reason}", "rule_version": _VERSION, "score": None,
        "department": entry.department,
        "reason_zh": f"{tables.contract(entry.feed).label}第{fault['position']}行"
                     f"“{_label(entry.feed, column)}”：{reason}",
        "reason_en": f"{entry.feed}, row {fault['position']}, {column or 'row'}: {reason}",
        "check_zh": check_zh, "check_en": check_en, "priority": 6, "due": None,
    }  # fmt: skip


def _label(feed: str, column: Any) -> str:
    labels = {c.name: c.label for c in tables.contract(feed).columns}
    return labels.get(str(column), "整行")


def linkage_review(study: Study, ring: Ring, threshold: float) -> pa.Table:
    """
    List pairs of records that linkage is not sure of.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
        Opens the list of pairs; there is no value of a person in it.
    threshold : float
        Probability from which two records count as one person.

    Returns
    -------
    FINDINGS table
        ``subject`` names both records, ``score`` is the pair's probability; the county is
        that of the first record, or the province where that is unknown or outside it. No row where
        nobody was linked.
    """
    folder = study.state / "vault"
    if not vault.holds(folder, "linkage/review"):
        return table([])
    pairs = vault.unseal_table(folder, "linkage/review", ring)
    records = vault.unseal_table(folder, "linkage/records", ring)
    zh, en = wording.CHECKS["same_person"]
    return _cast(ledger.query(
        """
        with pair as (
            select concat(department_left, ':', record_left, '|', department_right, ':',
                    record_right) as subject,
                max(p.probability) as score, any_value(coalesce(l.county, r.county))
                    filter (starts_with(coalesce(l.county, r.county), left($region, 2))) as county
            from pairs p
            left join records l on l.department = p.department_left and l.record = p.record_left
            left join records r
                on r.department = p.department_right and r.record = p.record_right
            group by subject
        )
        select $duty as duty, 'statistics' as purpose, coalesce(county::varchar, $region) as county,
            subject, 'pair' as subject_kind, 'same_person' as asks, 'linkage' as rule,
            $version as rule_version, score, null::varchar as department,
            printf('两条记录是同一人的概率为 %.2f（阈值 %g）', score, $threshold) as reason_zh,
            printf('the two are one person with probability %.2f (threshold %g)', score,
                $threshold) as reason_en,
            $zh as check_zh, $en as check_en, 5 as priority, null::timestamp as due
        from pair order by subject
        """,
        {"duty": PAIRS, "region": study.region, "version": _VERSION, "zh": zh, "en": en,
         "threshold": float(threshold)},
        pairs=pairs, records=records,
    ))  # fmt: skip


def screening(screened: pa.Table, region: str, *, version: str = _VERSION) -> pa.Table:
    """
    List people whom screening placed among the four types of personnel.

    Parameters
    ----------
    screened : pyarrow.Table
        ``person``, ``category`` (one of the four; others are left out), ``county``; also
        ``score``, ``rule``, ``reason_zh`` and ``reason_en`` where screening says more.
    region : str
        Province, whose team checks people of unknown county.
    version : str
        Version of the rule.

    Returns
    -------
    FINDINGS table
        Contacts are asked about as contacts, all others as cases.

    Raises
    ------
    ContractError
        If a column is missing.
    """
    missing = [n for n in ("person", "category", "county") if n not in screened.column_names]
    if missing:
        raise ContractError("the table of screening lacks columns", missing)
    for name, kind in (("score", pa.float64()), ("rule", pa.string()),
                       ("reason_zh", pa.string()), ("reason_en", pa.string())):  # fmt: skip
        if name not in screened.column_names:
            screened = screened.append_column(name, pa.nulls(screened.num_rows, kind))
    kinds = pa.table({
        "category": list(_KINDS), "zh": [zh for zh, _, _ in _KINDS.values()],
        "en": [en for _, en, _ in _KINDS.values()],
        "priority": [priority for _, _, priority in _KINDS.values()],
        "asks": ["contact" if name == "close_contact" else "infected" for name in _KINDS],
    })  # fmt: skip
    return _cast(ledger.query(
        """
        select $duty as duty, 'screening' as purpose,
            coalesce(nullif(s.county, ''), $region) as county, s.person as subject,
            'person' as subject_kind, k.asks, coalesce(s.rule, 'screening.' || k.category) as rule,
            $version as rule_version, s.score, null::varchar as department,
            coalesce(s.reason_zh, '排查归入：' || k.zh) as reason_zh,
            coalesce(s.reason_en, 'screened as: ' || k.en) as reason_en, c.zh as check_zh,
            c.en as check_en, k.priority, null::timestamp as due
        from screened s join kinds k on s.category::varchar = k.category
        join checks c on c.asks = k.asks
        where s.person is not null order by subject, rule
        """,
        {"duty": SCREENING, "region": region, "version": version},
        screened=screened, kinds=kinds, checks=wording.checks(),
    ))  # fmt: skip


def clusters(found: pa.Table, members: pa.Table, region: str) -> pa.Table:
    """
    Ask of each cluster that nobody confirmed whether it is one, beside its first case.

    Parameters
    ----------
    found, members : CLUSTERS and MEMBERS tables
        Of `analytics.analysis.clusters`.
    region : str
        Province, whose team checks clusters of unknown county.

    Returns
    -------
    FINDINGS table
        One row a cluster and first case; one that the field refuted is not asked about again.
    """
    settings = pa.table({
        "setting": list(_SETTINGS), "zh": [zh for zh, _ in _SETTINGS.values()],
        "en": [en for _, en in _SETTINGS.values()],
    })  # fmt: skip
    zh, en = wording.CHECKS["clustered"]
    return _cast(ledger.query(
        """
        select $duty as duty, 'screening' as purpose,
            coalesce(f.county::varchar, $region) as county, m.person as subject,
            'person' as subject_kind, 'clustered' as asks, 'cluster.' || f.setting as rule,
            $version as rule_version, max(f.cases)::double as score, null::varchar as department,
            printf('%s内%s至%s有%d例，最早一例', any_value(s.zh), min(f.first_onset)::varchar,
                max(f.latest_onset)::varchar, max(f.cases)) as reason_zh,
            printf('the first of %d cases in one %s, %s to %s', max(f.cases), any_value(s.en),
                min(f.first_onset)::varchar, max(f.latest_onset)::varchar) as reason_en,
            $zh as check_zh, $en as check_en, 2 as priority, null::timestamp as due
        from found f join members m on m.cluster = f.cluster and m."order" = 1
            join settings s on s.setting = f.setting
        where f.status in ('found', 'declared') and m.person is not null
        group by f.county, m.person, f.setting order by subject, rule
        """,
        {"duty": SCREENING, "region": region, "version": _VERSION, "zh": zh, "en": en},
        found=found, members=members, settings=settings,
    ))  # fmt: skip


FRAME: Final = pa.schema(
    [*((name, pa.string()) for name in ("duty", "county", "subject", "asks")),
     ("score", pa.float64())]
)  # fmt: skip
"""Columns of people that no rule flagged; their score may be empty."""


@dataclass(frozen=True)
class Found:
    """
    What an analysis has the field check.

    Parameters
    ----------
    findings : FINDINGS table
        Whom or what it flags.
    frame : pyarrow.Table
        Whom it does not, for the random check: as `push.push` takes it.
    """

    findings: pa.Table
    frame: pa.Table


def latest_screening(study: Study, day: date) -> date | None:
    """Day of the latest screening that `workbench screen` sealed, up to a day; None without one."""
    held = (name.split("/") for name in vault.names(study.state / "vault", "screening"))
    days = (part[1] for part in held if part[-1] == "persons")
    known = [each for each in map(date.fromisoformat, days) if each <= day]
    return max(known, default=None)


def screened(study: Study, ring: Ring, moment: datetime) -> Found:
    """
    List what the latest screening found, and whom it found nothing about.

    Parameters
    ----------
    study : Study
        Its threshold of rule `SHARED_JOURNEY` says from which attack rate on those are visited
        who only travelled with a case; 0 without one.
    ring : keys.Ring
        Opens the persons that `workbench screen` sealed.
    moment : datetime
        Screenings as of later days are left out.

    Returns
    -------
    Found
        In the frame are people of category none whose county is known, and close contacts below
        the threshold, who stay close contacts. All is empty where nobody has been screened.
    """
    day = latest_screening(study, moment.date())
    if day is None:
        return unframed([])
    place = f"screening/{day}"
    persons, graph, groups, members = (
        vault.unseal_table(study.state / "vault", f"{place}/{name}", ring)
        for name in ("persons", "graph", "clusters", "members")
    )
    least = float(thresholds.value(study, SHARED_JOURNEY, 0, moment))
    judged = _travelled_with(persons, graph, least)
    unflagged = ledger.query(
        """
        select distinct $duty as duty, county, person as subject,
            if(spared, 'contact', 'infected') as asks, score
        from judged where county is not null and person is not null
            and (category::varchar = 'none' or spared) order by subject
        """,
        {"duty": SCREENING}, judged=judged,
    )  # fmt: skip
    flagged = ledger.query("select * from judged where not spared", judged=judged)
    asked = [screening(flagged, study.region), clusters(groups, members, study.region)]
    return Found(pa.concat_tables(asked), unflagged)


def _travelled_with(persons: pa.Table, graph: pa.Table, least: float) -> pa.Table:
    r"""
    Score close contacts whom nothing but shared journeys made one.

    The score is the chance that a case beside them infected them, :math:`1 - \prod (1 - w)` over
    the attack rates :math:`w` of their seats; `spared` are those of a score below `least`.
    """
    return ledger.query(
        """
        with beside as (
            select person, 'close_contact' as category,
                1 - exp(sum(ln(1 - least(weight, 0.999)))) as score
            from graph where generation = 1 and holds is not false and person is not null
            group by person having bool_and(kind = 'travel' and weight is not null)
        )
        select p.* exclude (rule), b.score, if(b.person is null, p.rule, $rule) as rule,
            coalesce(b.score < $least, false) as spared
        from persons p left join beside b
            on b.person = p.person and b.category = p.category::varchar
        """,
        {"rule": SHARED_JOURNEY, "least": least}, persons=persons, graph=graph,
    )  # fmt: skip


def unframed(rows: list[dict[str, Any]]) -> Found:
    """Rows of FINDINGS, of whom nobody is to be drawn at random."""
    return Found(table(rows), FRAME.empty_table())


def handed_over(study: Study) -> pa.Table:
    """
    Read what analyses have put into the state's ``findings`` folder, as Parquet.

    Raises
    ------
    ContractError
        If a file is no table of the contract.
    """
    found = []
    for path in sorted((study.state / "findings").glob("*.parquet")):
        try:
            found.append(_cast(pq.read_table(path)))
        except (pa.ArrowException, KeyError, ValueError) as error:
            raise ContractError(
                f"'{path.name}' in the findings folder is no table of findings",
                [json.dumps(type(error).__name__)],
                "see FINDINGS in data/README.md",
            ) from error
    return pa.concat_tables([table([]), *found])


def together(found: Iterable[pa.Table]) -> pa.Table:
    """Put findings of several analyses into one table."""
    return pa.concat_tables([table([]), *found])


def _schema() -> pa.Schema:
    known = archive.schema(tables.read(tables.FINDINGS))
    return pa.schema([known.field(c.name) for c in tables.read(tables.FINDINGS).columns])


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Make FINDINGS of rows."""
    return pa.Table.from_pylist(rows, schema=_schema())


def _cast(found: pa.Table) -> pa.Table:
    schema = _schema()
    return found.select(schema.names).cast(schema)
