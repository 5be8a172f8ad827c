"""
Push: what analyses found becomes rows of work lists, each question once.

A question is one subject and one thing asked, whichever rules ask it. It is pushed once; again
only if it came back unanswered: to the county a person moved to, to those who settle
contradicting answers, or to the same county if nobody was reached and attempts are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from analytics import tables
from analytics.errors import ContractError
from analytics.loop import ledger, persons, roster, wording
from analytics.loop.findings import FRAME
from analytics.pool import archive
from analytics.study import ZONE

if TYPE_CHECKING:
    from analytics.privacy.keys import Ring
    from analytics.study import Study

SAMPLE, SAMPLE_VERSION = "random_check", "1"  # rule under which unflagged people are drawn


@dataclass(frozen=True)
class Pushed:
    """
    What a push did.

    Parameters
    ----------
    findings : int
        Findings handed in.
    rows, lists : int
        Rows pushed, and lists they went to.
    sampled : int
        Rows of unflagged people drawn at random.
    again : int
        Rows pushed again: moved, contradicting, or not reached.
    known : int
        Findings whose question was pushed before; nobody is asked twice.
    seconded : int
        Rules that found, later, what another had found before.
    waiting : int
        Questions for which no team of their county had room; they come with the next push.
    """

    findings: int
    rows: int
    lists: int
    sampled: int
    again: int
    known: int
    seconded: int
    waiting: int


def push(
    study: Study,
    findings: pa.Table,
    ring: Ring,
    moment: datetime,
    *,
    frame: pa.Table | None = None,
    seed: int = 0,
) -> Pushed:
    """
    Push findings to the lists of the teams that check them.

    Parameters
    ----------
    study : Study
        Its duty roster says which team, how many lines it can bear, and by when.
    findings : FINDINGS table
        As pyarrow.Table; order and repetition do not matter.
    ring : keys.Ring
        The study's keys: one person has one line in a team's lists, across duties.
    moment : datetime
        When it is pushed.
    frame : pyarrow.Table, optional
        People that no rule flagged: ``duty``, ``county``, ``subject``, ``asks`` and ``score``
        (may be null). From it the roster's `sample` is drawn in each county.
    seed : int
        Of the draw.

    Returns
    -------
    Pushed
        Counts; the same call again pushes nothing.

    Raises
    ------
    ContractError
        If findings break their contract; every breach is listed and nothing is pushed.
    StudyError
        If the roster has no team for a duty.
    BusyError
        If another run holds the loop.

    Notes
    -----
    Each county's lines are dealt to its teams so that open lines are as equal as can be, never
    above the duty's capacity: first what came back, then the sample, then by priority and
    score. A person who has an open line keeps the team. The sample is drawn without
    replacement, n of N with probability n/N for each, where n is cut to what teams can bear,
    once a day.
    """
    given = checked(findings)
    drawn_from = _frame(frame)
    known = roster.named(study, sorted({*_words(given["duty"]), *_words(drawn_from["duty"])}))
    local = moment.astimezone(ZONE) if moment.tzinfo else moment.replace(tzinfo=ZONE)
    with ledger.held(study):
        before, answered = ledger.known(study, local)
        standing = ledger.standing(before, answered)
        duties = roster.table(study)
        purposes = {*_words(given["purpose"]), *(str(d.purpose) for d in known.values())}
        visits = persons.lines(study, ring, purposes)
        asked = _asked(_placed(given, duties), duties, standing, visits)
        again = _placed(_again(standing, before, duties), duties)
        drawn = _drawn(_placed(drawn_from, duties), duties, standing, visits, asked, seed, local)
        offered = pa.concat_tables([again, drawn, asked], promote_options="default")
        dealt = _dealt(offered, duties, standing)
        fresh = _written(study, dealt, before, local)
        seconds = _seconding(given, standing, before)
        ledger.append(study, "pushes", pa.concat_tables([fresh, seconds]), local)
    counted = ledger.query(
        "select count(distinct row) as rows, count(distinct question) as questions, "
        "count(distinct list) as lists, count(distinct row) "
        "filter (sampled) as sampled, count(distinct row) filter (row_version > 1) as again "
        "from fresh", fresh=fresh,
    ).to_pylist()[0]  # fmt: skip
    waiting = pc.count_distinct(offered["question"]).as_py() - counted["questions"]
    return Pushed(
        findings=given.num_rows,
        rows=counted["rows"],
        lists=counted["lists"],
        sampled=counted["sampled"],
        again=counted["again"],
        known=given.num_rows - asked.num_rows - seconds.num_rows,
        seconded=seconds.num_rows,
        waiting=waiting,
    )


def _words(column: pa.ChunkedArray) -> list[str]:
    """List the different words of a column."""
    words: list[str] = pc.unique(column).to_pylist()
    return words


def checked(findings: pa.Table) -> pa.Table:
    """
    Check findings; give each once, with the name of its question.

    Raises
    ------
    ContractError
        Listing every column that is missing, every empty cell of a required one, every unknown
        word and every impossible number, as counts.
    """
    contract = tables.read(tables.FINDINGS)
    missing = [c.name for c in contract.columns if c.name not in findings.column_names]
    needed = [name for name in missing if contract[name].required]
    if needed:
        raise ContractError("findings lack columns", needed, "see FINDINGS in data/README.md")
    whole = _typed(findings, missing)
    breaches = []
    for column in contract.columns:
        values = whole[column.name]
        empty = values.null_count
        if column.required and empty:
            breaches.append(f"{column.name}: {empty} rows are empty")
        if column.choices:
            known = pc.is_in(values.drop_null(), value_set=pa.array(column.choices))
            alien = int(len(known) - (pc.sum(known).as_py() or 0))
            if alien:
                breaches.append(f"{column.name}: {alien} rows hold an unknown word")
    low, high = contract["priority"].minimum, contract["priority"].maximum
    placed = whole["priority"].drop_null()
    outside = pc.sum(pc.or_(pc.less(placed, low), pc.greater(placed, high))).as_py()
    if outside:
        breaches.append(f"priority: {outside} rows lie outside {low} to {high}")
    if breaches:
        raise ContractError("findings break their contract; nothing was pushed", breaches)
    return ledger.query(
        """
        select *, left(sha256(concat_ws(chr(31), purpose, subject, asks)), 24) as question
        from whole
        qualify row_number() over (partition by purpose, subject, asks, rule, rule_version
            order by priority, score desc nulls last, county, duty, reason_zh) = 1
        """,
        whole=whole,
    )


def _typed(findings: pa.Table, missing: list[str]) -> pa.Table:
    """Give findings all columns of the contract, each of its kind."""
    schema = archive.schema(tables.read(tables.FINDINGS))
    for name in missing:
        findings = findings.append_column(name, pa.nulls(findings.num_rows))
    own = pa.schema([field for field in schema if field.name in findings.column_names])
    try:
        return findings.select(own.names).cast(own)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ContractError("findings hold columns of another type than their contract") from error


def _frame(frame: pa.Table | None) -> pa.Table:
    if frame is None:
        return FRAME.empty_table()
    absent = [name for name in FRAME.names[:-1] if name not in frame.column_names]
    if absent:
        raise ContractError("the frame to draw from lacks columns", absent)
    if "score" not in frame.column_names:
        frame = frame.append_column("score", pa.nulls(frame.num_rows, pa.float64()))
    return frame.select(FRAME.names).cast(FRAME)


def _placed(rows: pa.Table, duties: pa.Table) -> pa.Table:
    """Give rows the county, prefecture or province whose teams answer for them."""
    return ledger.query(
        """
        select r.* replace (case when d.level = 'province' then left(r.county, 2) || '0000'
            when d.level = 'prefecture' and substr(r.county, 3, 2) <> '90'
                then left(r.county, 4) || '00' else r.county end as county)
        from rows r left join duties d using (duty)
        """,
        rows=rows, duties=duties,
    )  # fmt: skip


def _asked(given: pa.Table, duties: pa.Table, standing: pa.Table, visits: pa.Table) -> pa.Table:
    """Offer findings whose question was never pushed, each to the duty that is most urgent."""
    return ledger.query(
        """
        with one as (
            select * replace (
                first_value(duty) over urgent as duty, first_value(county) over urgent as county)
            from given window urgent as (partition by question
                order by priority, score desc nulls last, rule, rule_version, duty, county)
        )
        select g.*, d.team, 1::bigint as row_version, 2 as turn,
            false as sampled, 1::double as inclusion,
            coalesce(v.line, left(sha256('line' || g.question), 32)) as line
        from one g join duties d using (duty)
        left join visits v on v.purpose = g.purpose
            and v.subject = if(g.subject_kind = 'person', g.subject, null)
        where g.question not in (select question from standing)
        """,
        given=given, duties=duties, standing=standing, visits=visits,
    )  # fmt: skip


def _seconding(given: pa.Table, standing: pa.Table, before: pa.Table) -> pa.Table:
    """Rows of PUSHES for rules that found what had been pushed for another rule's reason."""
    found = ledger.query(
        """
        select distinct s.row, g.rule, g.rule_version, s.question, s.row_version, s.list,
            s.list_version, s.team, s.county, s.line, s.duty, s.purpose, s.subject,
            s.subject_kind, s.asks, g.score, g.department, g.reason_zh, g.reason_en, g.check_zh,
            g.check_en, g.priority, s.pushed, s.due, s.sampled, s.inclusion
        from given g join standing s using (question)
        where s.row_version = 1 and (s.row, g.rule, g.rule_version) not in
            (select (row, rule, rule_version) from before)
        """,
        given=given, standing=standing, before=before,
    )  # fmt: skip
    return found.cast(ledger.empty("pushes").schema)


def _again(standing: pa.Table, before: pa.Table, duties: pa.Table) -> pa.Table:
    """Questions that came back without an answer, as offers to push once more."""
    return ledger.query(
        """
        with returned as (
            select s.*, d.attempts, count(*) over (partition by question) as versions
            from standing s join duties d using (duty) qualify current
        ), settles as (select team, duty from duties where duty = 'adjudication'
        ), sent as (
            select r.*,
                if(r.status = 'adjudication' and settles.duty is not null,
                    settles.duty, r.duty) as next_duty,
                if(r.status = 'moved', r.moved_to, r.county) as next_county,
                coalesce(if(r.status = 'adjudication', settles.team, null), r.team) as next_team
            from returned r left join settles on true
            where (r.status = 'moved' and not starts_with(r.moved_to, '99'))
                or r.status = 'adjudication'
                or (r.status = 'unreachable' and r.versions < r.attempts)
        ), first as (
            select row, arg_min(struct_pack(score := score, department := department,
                reason_zh := reason_zh, reason_en := reason_en, check_zh := check_zh,
                check_en := check_en), (priority, rule, rule_version)) as why
            from before group by row
        )
        select next_duty as duty, s.purpose, next_county as county, s.subject, s.subject_kind,
            s.asks, s.status as rule, '1' as rule_version, why.score, why.department,
            case s.status when 'moved' then '已转入本县。' when 'adjudication'
                then '两次答复不一致。' else '上次未联系上。' end || why.reason_zh as reason_zh,
            case s.status when 'moved' then 'Moved here. ' when 'adjudication'
                then 'Two answers differ. ' else 'Not reached last time. ' end
                || why.reason_en as reason_en,
            why.check_zh, why.check_en, 1::bigint as priority, null::timestamp as due, s.question,
            next_team as team, s.row_version + 1 as row_version, 0 as turn, s.sampled,
            s.inclusion, s.line
        from sent s join first using (row)
        """,
        standing=standing, before=before, duties=duties,
    )  # fmt: skip


def _drawn(
    frame: pa.Table, duties: pa.Table, standing: pa.Table, visits: pa.Table, asked: pa.Table,
    seed: int, moment: datetime,
) -> pa.Table:  # fmt: skip
    """People that nobody flagged, drawn at random within county, duty and question."""
    return ledger.query(
        """
        with open as (
            select county, team, count(distinct line) as lines from standing
            where status = 'outstanding' group by county, team
        ), eligible as (
            select distinct f.*, d.team, d.purpose, d.sample, d.teams * d.capacity as room,
                left(sha256(concat_ws(chr(31), d.purpose, f.subject, f.asks)), 24) as question
            from frame f join duties d using (duty) where d.sample > 0
                and (f.duty, f.county, f.asks) not in (select (duty, county, asks) from standing
                    where sampled and pushed::date = $today::date)
        ), unasked as (
            select e.*, coalesce(v.line, left(sha256('line' || e.question), 32)) as line,
                greatest(0, e.room - coalesce(o.lines, 0)) as free
            from eligible e
            left join open o using (county, team)
            left join visits v on v.purpose = e.purpose and v.subject = e.subject
            where e.question not in (select question from standing)
                and e.question not in (select question from asked)
        ), ranked as (
            select *, count(*) over part as size, row_number() over (
                partition by duty, county, asks
                order by sha256(concat_ws(chr(31), $seed, question))) as place
            from unasked window part as (partition by duty, county, asks)
        )
        select duty, purpose, county, subject, 'person' as subject_kind, asks,
            $rule as rule, $version as rule_version, score, null::varchar as department,
            '本县例行核查。' as reason_zh, 'Routine check in this county.' as reason_en,
            c.zh as check_zh, c.en as check_en,
            2::bigint as priority, null::timestamp as due, question, team,
            1::bigint as row_version, 1 as turn, true as sampled,
            least(sample, free, size) / size as inclusion, line
        from ranked join checks c using (asks) where place <= least(sample, free, size)
        """,
        {"seed": f"{seed}:{moment.date()}", "rule": SAMPLE, "version": SAMPLE_VERSION,
         "today": moment.date()},
        frame=frame, duties=duties, standing=standing, visits=visits, asked=asked,
        checks=wording.checks(),
    )  # fmt: skip


def _dealt(offered: pa.Table, duties: pa.Table, standing: pa.Table) -> pa.Table:
    """Offers with the number of the team that takes them; those no team has room for are out."""
    return ledger.query(
        """
        with sizes as (
            select team, max(teams) as teams, max(capacity) as capacity from duties group by team
        ), lines as (
            select county, team, line, min(turn) as turn, min(priority) as priority,
                max(score) as score from offered group by county, team, line
        ), open as (
            select distinct county, team, line, split_part(list, '.', 3)::bigint as number
            from standing where status = 'outstanding'
        ), kept as (
            select county, team, line, min(number) as number from lines
            join open using (county, team, line) group by county, team, line
        ), loads as (
            select county, team, number, count(*) as held from open group by county, team, number
        ), slots as (
            select county, team, number,
                row_number() over (partition by county, team order by level, number) as place
            from (
                select p.county, p.team, n.number, coalesce(l.held, 0) as held,
                    unnest(range(coalesce(l.held, 0),
                        least(capacity, coalesce(l.held, 0) + p.lines))) as level
                from (select county, team, count(*) as lines from lines group by all) p
                join sizes using (team)
                cross join lateral (select unnest(range(1, sizes.teams + 1)) as number) n
                left join loads l on l.county = p.county and l.team = p.team
                    and l.number = n.number
            )
        ), queued as (
            select county, team, line, row_number() over (partition by county, team
                order by turn, priority, score desc nulls last, line) as place
            from lines anti join kept using (county, team, line)
        ), placed as (
            select county, team, line, number from queued join slots using (county, team, place)
            union all select county, team, line, number from kept
        )
        select o.*, p.number from offered o join placed p using (county, team, line)
        """,
        offered=offered, duties=duties, standing=standing,
    )  # fmt: skip


def _written(study: Study, dealt: pa.Table, before: pa.Table, moment: datetime) -> pa.Table:
    """Rows of PUSHES as they are written."""
    owed = {task: roster.due(duty, moment) for task, duty in roster.duties(study).items()}
    dues = pa.table({
        "duty": pa.array(list(owed), pa.string()),
        "owed": pa.array([due.replace(tzinfo=None) for due in owed.values()], pa.timestamp("us")),
    })  # fmt: skip
    found = ledger.query(
        """
        with versions as (select list, max(list_version) as latest from before group by list
        ), named as (
            select *, concat_ws('.', county, team, number) as list from dealt
        )
        select question || '.' || row_version as row, rule, rule_version, question, row_version,
            list, coalesce(latest, 0) + 1 as list_version, team, county, line, duty, purpose,
            subject, subject_kind, asks, score, department, reason_zh, reason_en, check_zh,
            check_en, priority, $now::timestamp as pushed,
            min(coalesce(due, owed)) over (partition by question) as due, sampled, inclusion
        from named left join versions using (list) join dues using (duty)
        """,
        {"now": moment.replace(tzinfo=None, microsecond=0)},
        dealt=dealt, before=before, dues=dues,
    )  # fmt: skip
    return found.cast(ledger.empty("pushes").schema)
