"""Records of departments in one spelling: names, numbers, birth dates, phones, addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics import codes
from analytics.errors import ContractError

if TYPE_CHECKING:
    import duckdb

RECORD_COLUMNS = (
    "record",
    "department",
    "name",
    "id_card",
    "birth_date",
    "phone",
    "county",
    "address",
)
COMPOUND_SURNAMES = (  # noqa: SIM905 - one string reads better than 80 short ones
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 "
    "濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 "
    "公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 "
    "微生 公户 公玉 公仪 梁丘 公仲 公上 公门 公山 公坚 左丘 公伯 西门 公祖 第五 公乘 贯丘 公皙 "
    "南荣 东里 东宫 仲长 子书 子桑 即墨 达奚 褚师"
).split()

_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
_NARROW = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)).replace("'", "''")
_BLANKS = r"[\s\x{3000}]+"
_SHORT = 9  # characters; in a longer address one slip cannot touch the first and the last four
_UNUSUAL = r"[^\x21-\x7e\x{4e00}-\x{9fff}]"  # neither plain ASCII nor a common ideograph: rare


@dataclass(frozen=True)
class Accepted:
    """
    How many records were taken in, and how many wait in quarantine.

    Parameters
    ----------
    accepted, quarantined : int
        Numbers of records.
    """

    accepted: int
    quarantined: int


def standardise(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    *,
    into: str = "batch",
    quarantine: str = "quarantine",
) -> Accepted:
    r"""
    Write records in one spelling, and those that cannot be linked at all into quarantine.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From :func:`analytics.pool.linkage.workspace`; everything stays in its memory.
    records : str
        Name of a table or view with the columns of `RECORD_COLUMNS`.
    into, quarantine : str
        Names of the tables to make. The quarantine holds `row` (from 1) and `reason`, no value.

    Returns
    -------
    Accepted
        Numbers of records.

    Raises
    ------
    ContractError
        A column is missing.

    Notes
    -----
    Numbers of 15 digits become 18 (19yy, check digit). A number of 18 characters is *valid* if its
    check digit is right, which any one wrong character or swap of neighbours breaks:

    .. math:: \sum_{i=1}^{18} w_i a_i \equiv 1 \pmod{11}, \quad w_i = 2^{18-i} \bmod 11

    A string's `_code` is one ASCII character per character, so that edit distances count
    characters, which DuckDB's count bytes.

    References
    ----------
    GB 11643-1999; ISO 7064:1983 MOD 11-2; GB 28177-2011 for the order of minority names.
    """
    present = {row[0] for row in connection.execute(f"describe {records}").fetchall()}
    missing = [column for column in RECORD_COLUMNS if column not in present]
    if missing:
        raise ContractError(
            "records to link lack columns",
            [f"{column}: missing" for column in missing],
            f"columns needed: {', '.join(RECORD_COLUMNS)}",
        )
    texts = ", ".join(f"cast({column} as varchar) as {column}" for column in RECORD_COLUMNS)
    if _refusable(connection, records):
        connection.execute(
            "create or replace temp table incoming as "
            f"select row_number() over () as row, {texts} from {records}"
        )
        connection.execute(
            f"create or replace temp table {quarantine} as {_REFUSED} select row, reason "
            "from refused"
        )
        source = f"incoming anti join {quarantine} using (row)"
    else:
        connection.execute(
            f"create or replace temp table {quarantine} (row bigint, reason varchar)"
        )
        source = f"(select {texts} from {records})"
    connection.execute(f"create or replace temp table {into} as {_standard_sql(source)}")
    counts = connection.execute(
        f"select (select count(*) from {into}), (select count(*) from {quarantine})"
    ).fetchone()
    assert counts is not None
    connection.execute("drop table if exists incoming")
    return Accepted(*counts)


def _refusable(connection: duckdb.DuckDBPyConnection, records: str) -> bool:
    """Whether a record may have to wait; a night without one is spared the search for them."""
    row = connection.execute(
        "select count(*) = count(distinct hash(trim(department::varchar), trim(record::varchar))) "
        "and count(*) = count(nullif(trim(record::varchar), '')) "
        "and count(*) = count(nullif(trim(department::varchar), '')) and count(*) = "
        "count(coalesce(nullif(trim(name::varchar), ''), nullif(trim(id_card::varchar), ''), "
        f"nullif(trim(phone::varchar), ''))) from {records}"
    ).fetchone()
    return row != (True,)


_REFUSED = """
with marked as (select row, hash(trim(department), trim(record)) as mark from incoming),
suspect as (select mark from marked group by mark having count(*) > 1),
repeated as (
    select trim(department) as department, trim(record) as record
    from incoming join marked using (row) semi join suspect using (mark)
    group by all having count(*) > 1
),
refused as (
    select row, case
        when nullif(trim(record), '') is null then 'record: no identifier'
        when nullif(trim(department), '') is null then 'department: unknown'
        when (trim(department), trim(record)) in (from repeated)
            then 'record: identifier occurs twice'
        else 'name, id_card, phone: all empty' end as reason
    from incoming
    where nullif(trim(record), '') is null or nullif(trim(department), '') is null
        or (trim(department), trim(record)) in (from repeated)
        or (nullif(trim(name), '') is null and nullif(trim(id_card), '') is null
            and nullif(trim(phone), '') is null)
)
"""


def _narrow(column: str) -> str:
    """Write the SQL by which wide letters become narrow and capital, and blanks go."""
    return (
        f"nullif(upper(case when regexp_matches({column}, '{_UNUSUAL}') then "
        f"translate(regexp_replace({column}, '{_BLANKS}', '', 'g'), '{_WIDE}', '{_NARROW}') "
        f"else {column} end), '')"
    )


def _code(column: str) -> str:
    """Write the SQL that gives one ASCII character for each character."""
    return (
        f"array_to_string(list_transform(string_split({column}, ''), "
        "lambda c: chr(cast(33 + unicode(c) % 94 as integer))), '')"
    )


def _check(column: str) -> str:
    """Write the SQL of the check character of a number's first 17 digits."""
    digits = f"try_cast(left({column}, 17) as bigint)"
    terms = " + ".join(
        f"({digits} // {10 ** (16 - place)}) % 10 * {weight}"
        for place, weight in enumerate(codes.ID_WEIGHTS)
    )
    return f"substr('{codes.ID_CHECKS}', cast(({terms}) % 11 as integer) + 1, 1)"


def described(records: str) -> str:
    """Write the SQL that adds to standard records what comparing and blocking need of them."""
    surnames = ", ".join(f"'{surname}'" for surname in COMPOUND_SURNAMES)
    return f"""
    select *, left(name, 1) as name_start, right(name, 1) as name_end,
        cast(length(name) as integer) as name_length, {_code("name")} as name_code,
        case when regexp_matches(name, '[A-Z]') then null
            when length(name) > 2 and left(name, 2) in ({surnames}) then left(name, 2)
            else left(name, 1) end as surname,
        left(county, 4) as prefecture, {_code("address")} as address_code,
        left(street, 4) as address_start, right(street, 4) as address_end,
        length(street) < {_SHORT} as address_short
    from (select *, substr(address, strpos(address, '|') + 1) as street from {records})
    """


def _standard_sql(source: str) -> str:
    undotted = _narrow("regexp_replace(name, '[·•・．.]', '', 'g')")
    latin = (
        "array_to_string(list_sort(list_filter("
        f"string_split_regex(upper(translate(name, '{_WIDE}', '{_NARROW}')), '[^A-Z]+'), "
        "lambda part: part <> '')), ' ')"
    )
    number = f"regexp_replace({_narrow('id_card')}, '[^0-9A-Z]', '', 'g')"
    parts = "regexp_extract_all(birth_date, '[0-9]+')"
    phone = f"regexp_replace({_narrow('phone')}, '[^0-9]', '', 'g')"
    return f"""
    with spelt as (
        select trim(record) as record, trim(department) as department,
            case when regexp_full_match(name, '[\\x{{4e00}}-\\x{{9fff}}]+') then name
                when regexp_matches(name, '[A-Za-zＡ-Ｚａ-ｚ]') then nullif({latin}, '')
                else {undotted} end as name,
            case when regexp_full_match(id_card, '[0-9]{{17}}[0-9X]') then id_card
                else {number} end as number,
            case when regexp_full_match(birth_date, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')
                then replace(birth_date, '-', '')
                when len({parts}) = 3 and length({parts}[1]) = 4 and length({parts}[2]) <= 2
                    and length({parts}[3]) <= 2
                then {parts}[1] || lpad({parts}[2], 2, '0') || lpad({parts}[3], 2, '0')
                else left(array_to_string({parts}, ''), 8) end as birth,
            case when regexp_full_match(phone, '1[0-9]{{10}}') then phone
                else regexp_replace({phone}, '^(0?0?86)(1[0-9]{{10}})$', '\\2') end as phone,
            case when regexp_full_match(county, '[0-9]{{6}}') then county
                else nullif(regexp_replace(county, '[^0-9]', '', 'g'), '') end as county,
            {_narrow("address")} as address
        from {source}
    ), lengthened as (
        select * replace (case when regexp_full_match(number, '[0-9]{{15}}')
            then left(number, 6) || '19' || substr(number, 7) ||
                {_check("(left(number, 6) || '19' || substr(number, 7))")}
            else nullif(number, '') end as number)
        from spelt
    ), judged as (
        select * replace (
            case when replace(number, left(number, 1), '') = '' or length(number) < 5 then null
                else number end as number,
            case when length(phone) >= 7 and not regexp_full_match(phone, '0+|1+') then phone end
                as phone),
            case when regexp_full_match(number, '[0-9]{{17}}[0-9X]') then number end as id_card
        from lengthened
    ), checked as (
        select *, coalesce(right(id_card, 1) = {_check("id_card")}, false)
            and try_strptime(substr(id_card, 7, 8), '%Y%m%d') is not null as id_valid
        from judged
    )
    select record, department, name, number, id_valid, id_card,
        case when regexp_full_match(birth, '[0-9]{{8}}') then birth end as birth_stated,
        substr(id_card, 7, 8) as birth_number,
        case when try_strptime(birth, '%Y%m%d') is not null and not id_valid
            then birth else coalesce(substr(id_card, 7, 8),
                case when regexp_full_match(birth, '[0-9]{{8}}') then birth end) end as birth,
        phone, county, coalesce(county, '') || '|' || address as address
    from checked
    """
