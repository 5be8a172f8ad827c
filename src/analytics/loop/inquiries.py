"""
What the analyses of persons ask the field: of travellers, of codes, of the stranded.

Each function reads what its duty's purpose may see, and no more, and hands over FINDINGS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from analytics import engine
from analytics.analysis import health_code, resettlement
from analytics.analysis.channel import CHANNEL_OF_MODE
from analytics.analysis.channel import register as registers
from analytics.analysis.health_code import fairness, words
from analytics.codes import HealthCode, Purpose
from analytics.loop import code_evidence, findings, ledger, thresholds, wording
from analytics.loop.findings import Found
from analytics.pool import linked
from analytics.pool import stranded as lists
from analytics.privacy.purposes import Reader
from analytics.study import ZONE, clock

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from analytics.privacy.keys import Ring
    from analytics.study import Study

Asked = Callable[["Study", "Ring", datetime], Found]

WATCH_DAYS: Final = 14
"""Days after arrival within which a traveller is visited: the longest incubation period that the
protocols of February 2020 reckoned with."""
_PRIORITY: Final = {HealthCode.RED: 3, HealthCode.YELLOW: 4}
_VERSION: Final = "1"
_WAITS_ZH: Final = {
    "private": "自行住宿", "unregistered": "有其他线索、尚未登记", "asked": "要求安置",
    "street": "露宿街头", "placed": "已安置",
}  # fmt: skip
_NEEDS_ZH: Final = {
    "halal": "清真饮食", "language": "语言协助", "infant": "婴儿用品", "wheelchair": "轮椅",
    "medicine": "长期用药", "permit": "签证或证件将到期", "money": "经济困难",
    "contact_home": "联系家人",
}  # fmt: skip


def codes(study: Study, ring: Ring, moment: datetime) -> Found:
    """
    Ask whether red and yellow codes are right, each with the words its holder was given.

    Codes that only wait for their holder's own declaration are left out: it puts them right.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
    moment : datetime
        With a zone; nothing told later is read.

    Returns
    -------
    Found
        One row per holder whose county a declaration tells; in the frame are holders of a green
        code by the temperature they declared last. Empty where nobody was linked.
    """
    rules = thresholds.code_rules(study, moment)
    local = clock(moment)

    def held(views: Mapping[str, ir.Table], connection: Any) -> pa.Table:
        told = code_evidence.told(study, ring, moment, views, rules, connection)
        changes = connection.create_table("changes", engine.rows(told, connection), temp=True)
        homes = health_code.whereabouts.homes(views["declarations"])
        persons = connection.create_table("homes", engine.rows(homes, connection), temp=True)
        shown = ("code", "rule", "version", "changes", "evidence_since")
        now = fairness.standing(changes, persons, local, shown)
        return engine.rows(_with_temperatures(now, views["declarations"], local), connection)

    found = _read(study, ring, moment, code_evidence.READER, code_evidence.FEEDS, held)
    if not found.num_rows:
        return findings.unframed([])
    green = ledger.query(
        "select 'health_code' as duty, county, person as subject, 'code_wrong' as asks, "
        "latest as score from found where code = 'green' order by subject", found=found,
    )  # fmt: skip
    flagged = ledger.query(
        "select * from found where code in (select unnest($codes)) order by person",
        {"codes": [str(code) for code in _PRIORITY]}, found=found,
    )  # fmt: skip
    return Found(_code_findings(flagged, rules), green)


def _with_temperatures(now: ir.Table, declared: ir.Table, local: datetime) -> ir.Table:
    """Add the temperature declared when the evidence began, and the ``latest`` declared."""
    known = declared.filter(declared["temperature"].notnull() & (declared["declared"] <= local))
    then = known.group_by("person", evidence_since="declared").agg(score=known["temperature"].max())
    last = known.group_by("person").agg(latest=known["temperature"].argmax(known["declared"]))
    both = now.left_join(then, ["person", "evidence_since"]).select(*now.columns, "score")
    return both.left_join(last, "person").select(*both.columns, "latest")


def _code_findings(flagged: pa.Table, rules: health_code.Rules) -> pa.Table:
    """Ask of each code what its holder was told; one for a declared fever has its score."""
    rows = []
    for one in flagged.to_pylist():
        evidence = rules.named(one["rule"], one["version"]).evidence
        if evidence == "declaration_gap":
            continue
        said = words.explain(one, rules)
        rows.append(_finding(
            "code_wrong", duty="health_code", purpose="health_code", county=one["county"],
            subject=one["person"], rule=f"health_code.{one['rule']}", rule_version=one["version"],
            reason_zh=f"本人看到：{''.join(line['zh'] for line in said)}",
            reason_en=f"The holder reads: {' '.join(line['en'] for line in said)}",
            score=one["score"] if evidence == "declaration" else None,
            priority=_PRIORITY[HealthCode(one["code"])],
        ))  # fmt: skip
    return findings.table(rows)


def stranded(study: Study, ring: Ring, moment: datetime) -> Found:
    """
    Ask after people without a bed: whether they are held up here, and what they need.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
        Unused: who reads the lists of stranded people opens the study's own.
    moment : datetime
        With a zone; nothing told later is read.

    Returns
    -------
    Found
        Those registered and waiting are asked about their needs; those whom only a trace
        tells, whether they are stranded at all.
    """
    del ring
    if not linked.holds(study):
        return findings.unframed([])
    connection = engine.connect()
    try:
        known = lists.read(study, moment, connection).known
        if "stranded" not in known:
            return findings.unframed([])
        day = moment.astimezone(ZONE).date()
        rows = resettlement.register(known, day, study.region)
        people = engine.rows(rows.filter(rows["status"] != "placed"), connection)
    finally:
        connection.disconnect()
    given = []
    for one in people.to_pylist():
        if not one["person"] or one["reason"] == "private":
            continue
        traced = one["reason"] == "unregistered"
        wants = [need for need in resettlement.NEEDS if one[need]]
        needs = f"; needs: {', '.join(wants)}" if wants else ""
        needs_zh = f"；需求：{'、'.join(_NEEDS_ZH[need] for need in wants)}" if wants else ""
        given.append(_finding(
            "stranded" if traced else "needs", duty="stranded", purpose="resettlement",
            county=one["county"] or study.region, subject=one["person"],
            rule=f"resettlement.{one['reason']}",
            reason_zh=f"{_WAITS_ZH[one['reason']]}{needs_zh}",
            reason_en=f"{resettlement.REASONS[one['reason']]}{needs}",
            priority=2 if one["reason"] == "street" else 4,
        ))  # fmt: skip
    return findings.unframed(given)


def travellers(study: Study, ring: Ring, moment: datetime) -> Found:
    """
    Ask whether people who came out of an area under control were found and told.

    Parameters
    ----------
    study : Study
    ring : keys.Ring
    moment : datetime
        With a zone; nothing told later is read.

    Returns
    -------
    Found
        One row per traveller whose latest journey within `WATCH_DAYS` days began where its
        channel out was checked, under permit or closed at that time, for the county of arrival
        where that lies in the study's province.
    """
    notices = registers.read_notices(study.folder / "channel_notices.toml")
    day = moment.astimezone(ZONE).date()
    reader = Reader("transport_controller", Purpose.TRAVEL)

    def left(views: Mapping[str, ir.Table], connection: Any) -> pa.Table:
        if "tickets" not in views:
            return pa.table({"person": pa.array([], pa.string())})
        home = views["tickets"]["destination"].startswith(study.region[:2])
        return _came_out(views["tickets"].filter(home), notices, day, connection)

    found = _read(study, ring, moment, reader, ("tickets",), left)
    return findings.unframed([
        _finding(
            "traced", duty="travellers", purpose="travel", county=one["destination"],
            subject=one["person"], rule=f"travel.{one['status']}", priority=4,
            reason_zh=f"{one['departure']:%m月%d日}从管控地区（{one['origin']}）到达",
            reason_en=f"arrived from an area under control ({one['origin']}), "
                      f"left {one['departure']:%d %b}",
        )
        for one in found.to_pylist()
    ])  # fmt: skip


def _came_out(
    tickets: ir.Table, notices: tuple[registers.Notice, ...], day: date, connection: Any
) -> pa.Table:
    """Latest journeys out of areas whose channel was not open when they began."""
    import ibis

    first = datetime.combine(day - timedelta(days=WATCH_DAYS), time.min)
    channel = ibis.cases(*((tickets["mode"] == m, c) for m, c in CHANNEL_OF_MODE.items()))
    recent = tickets.mutate(channel=channel).filter(
        tickets["person"].notnull(),
        tickets["destination"].notnull(),
        tickets["departure"] > first,
    )
    recent = recent.select("person", "origin", "destination", "channel", "departure")
    rows = connection.create_table("recent", engine.rows(recent, connection), temp=True)
    origins = engine.rows(rows.select("origin").distinct(), connection)["origin"].to_pylist()
    kept = registers.register_of(notices, [origin for origin in origins if origin])
    out = kept[kept["direction"] == "out"]
    status = pa.table({
        "origin": out["county"].astype("str"), "channel": out["channel"].astype("str"),
        "since": pa.array(out["since"].to_numpy(), pa.timestamp("us")),
        "status": out["status"].astype("str"),
    })  # fmt: skip
    held = connection.create_table("status", status, temp=True)
    told = engine.asof(
        rows, held, on=("departure", "since"), by=("origin", "channel"), values=("status",)
    )
    latest = ibis.window(group_by="person", order_by=[ibis.desc(told["departure"]), told["origin"]])
    told = told.mutate(_rank=ibis.row_number().over(latest)).filter(lambda t: t["_rank"] == 0)
    out_of = told.filter(told["status"].notnull() & (told["status"] != "open"))
    return engine.rows(out_of.drop("_rank").order_by("person"), connection)


def _read(
    study: Study, ring: Ring, moment: datetime, reader: Reader, feeds: tuple[str, ...],
    answer: Callable[[Mapping[str, ir.Table], Any], pa.Table],
) -> pa.Table:  # fmt: skip
    """Open the feeds for one purpose and answer from them; no row where nobody was linked."""
    if not linked.holds(study):
        return pa.table({"person": pa.array([], pa.string())})
    connection = engine.connect()
    try:
        views = linked.read(study, moment, reader, ring, connection, feeds=feeds)
        return answer(views, connection)
    finally:
        connection.disconnect()


def _finding(asks: str, **columns: Any) -> dict[str, Any]:
    """One row of FINDINGS about a person."""
    check_zh, check_en = wording.CHECKS[asks]
    usual = {
        "subject_kind": "person", "rule_version": _VERSION, "score": None, "department": None,
        "due": None,
    }  # fmt: skip
    return usual | {"asks": asks, "check_zh": check_zh, "check_en": check_en} | columns


BY_DUTY: Final[Mapping[str, Asked]] = {
    findings.SCREENING: findings.screened,
    "health_code": codes,
    "stranded": stranded,
    "travellers": travellers,
}
"""Duty of a study's roster to what asks for it."""
