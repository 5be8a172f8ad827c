"""The list of pairs that somebody should look at: how sure, and why, without naming anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analytics.errors import ArchiveError
from analytics.pool.linkage import conditions, scoring, weighing
from analytics.privacy import pseudonyms, vault

if TYPE_CHECKING:
    import duckdb

    from analytics.pool.linkage.model import Model
    from analytics.privacy.keys import Ring
    from analytics.study import Study

NAME = "linkage/review"
_USE = "clerical review"

COMPARISONS = {"identity": "身份", "name": "姓名", "contact": "联系方式", "county": "县区"}
LEVELS = {
    "unknown": "未知",
    "same number": "证件号码相同",
    "two valid numbers differ": "两个有效证件号码不同",
    "numbers differ by a slip": "证件号码相差一两位",
    "numbers differ": "证件号码不同",
    "same birth date": "出生日期相同",
    "birth date differs by a slip": "出生日期相差一两位",
    "birth dates differ": "出生日期不同",
    "same": "相同",
    "slip in a long name": "三字以上姓名差一字",
    "slip in a short name": "同姓，差一字",
    "same surname": "同姓",
    "different": "不同",
    "same phone and address": "电话和地址相同",
    "same address, other phone": "地址相同，电话不同",
    "same address, phone unknown": "地址相同，电话未知",
    "same phone, other address": "电话相同，地址不同",
    "same phone, address unknown": "电话相同，地址未知",
    "address differs by a slip, other phone": "地址差一字，电话不同",
    "address differs by a slip, phone unknown": "地址差一字，电话未知",
    "phone differs by a slip": "电话差一位",
    "both differ": "电话和地址都不同",
    "phone differs": "电话不同",
    "address differs": "地址不同",
    "same prefecture": "同一市州",
}
_HOUSEHOLD = "household: "


def review_list(study: Study, ring: Ring) -> pa.Table:
    """
    Pairs for clerical review, as the loop may see them.

    Parameters
    ----------
    study : Study
    ring : Ring
        The study's keys.

    Returns
    -------
    pyarrow.Table
        One row a pair, the least certain first: `pair` (pseudonym of the pair, joins with nothing),
        `feed_left`, `feed_right`, `weight` [bits], `probability`, `decision`, `reasons_zh`,
        `reasons_en`. No value, record or person of anybody.

    Raises
    ------
    ArchiveError
        The study was not linked yet.
    """
    folder = study.state / "vault"
    if not vault.holds(folder, NAME):
        raise ArchiveError(
            f"study '{study.name}' has no list for review", (), "link it: `workbench link`"
        )
    kept = vault.unseal_table(folder, NAME, ring)
    pair = pseudonyms.key(kept["pair"], ring, _USE)
    shown = kept.select(
        ["department_left", "department_right", "weight", "probability", "decision",
         "reasons_zh", "reasons_en"]
    ).rename_columns(
        ["feed_left", "feed_right", "weight", "probability", "decision", "reasons_zh", "reasons_en"]
    )  # fmt: skip
    return shown.add_column(0, "pair", pair)


def reasoned(connection: duckdb.DuckDBPyConnection, model: Model, pairs: pa.Table) -> pa.Table:
    """
    Add to pairs how their records compare.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the store.
    model : Model
        The stored model.
    pairs : pyarrow.Table
        Rows of LINKS, as :func:`analytics.pool.linkage.review` gives.

    Returns
    -------
    pyarrow.Table
        The same rows with `pair` (a digest of the two records), `reasons_zh` and `reasons_en`.
    """
    connection.register("_review", pairs.append_column("n", pa.array(np.arange(pairs.num_rows))))
    try:
        ends = connection.execute(
            "select l.position::bigint as l, r.position::bigint as r, sha256(concat_ws(chr(31), "
            "department_left, record_left, department_right, record_right)) as pair "
            "from _review join store.main.RECORDS l on l.department = department_left "
            "and l.record = record_left join store.main.RECORDS r "
            "on r.department = department_right and r.record = record_right order by n"
        ).to_arrow_table()
    finally:
        connection.unregister("_review")
    words = _words(connection, model, ends["l"].to_numpy(), ends["r"].to_numpy())
    for name, column in {"pair": ends["pair"], **words}.items():
        pairs = pairs.append_column(name, column)
    return pairs


def _words(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    left: weighing.Places,
    right: weighing.Places,
) -> dict[str, pa.Array]:
    scoring.prepare(connection, "store.main.RECORDS", "stored")
    scoring.count_frequencies(connection, "store.main.RECORDS")
    compiled = conditions.compiled(model.settings)
    pairs = scoring.paired(connection, compiled, ("stored", None), left, right)
    names = [one["output_column_name"] for one in model.settings["comparisons"]]
    said: dict[str, list[pa.Array]] = {"reasons_zh": [], "reasons_en": []}
    for name, levels, stored in zip(
        names, compiled.comparisons, model.settings["comparisons"], strict=True
    ):
        labels = [
            level["label_for_charts"].removeprefix(_HOUSEHOLD)
            for level in stored["comparison_levels"]
        ]
        place = pa.array(weighing.places(levels, pairs))
        english = pa.array([f"{name}: {label}" for label in labels])
        chinese = pa.array(
            [f"{COMPARISONS.get(name, name)}：{LEVELS.get(label, label)}" for label in labels]
        )
        said["reasons_en"].append(english.take(place))
        said["reasons_zh"].append(chinese.take(place))
    separators = {"reasons_zh": "；", "reasons_en": "; "}
    return {
        column: pa.compute.binary_join_element_wise(*parts, separators[column])
        for column, parts in said.items()
    }
