"""Dirty deliveries of any feed: each cell drawn from what departments write, and worse."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from analytics.pool.reading import POSITION, WITHDRAWN, Reading, normalised
from analytics.tables import Column, Contract
from analytics.tables.words import NO, YES, spoken

_DAYS = [
    "2020-02-03", "2020/2/3", "2020.02.03", "2020年2月3日", "20200203", "43864", "43864.5",
    "2020-02-03 08:30", "2020-2-3T8:30:01.5", "03/04/2020", "3-4-20", "3-4-20 \r x", "2020-02-30",
    "2021-01-01", "1820-01-01", "1880-01-01", "0000-01-01", "99999", "2020-13-01", "2020-00-10",
    "9999-12-31", "2019-02-29", "2020-02-29", "２０２０－０２－０３", "2020- 02-03", "18991231",
]  # fmt: skip
_MOMENTS = [
    *_DAYS, "2020-02-03 08:30:15", "2020-02-03T08:30:15Z", "2020-02-03T08:30:15+08:00",
    "2020-02-03T08:30:15+09:00", "2020-02-03 24:00:00", "2020-02-03 24:00", "2020-02-03 24:00:01",
    "2020-02-03 23:59:60", "2020-02-29 24:00:00Z", "2020-02-30 24:00:00", "43864.333333333",
    "43864.99999999", "2020年2月3日 8:05", "2020-02-03T08:30:15.999999", "2020-02-03 8:5:1",
]  # fmt: skip
_NUMBERS = [
    "11010519491231002X", "11010519491231002x", "110105491231002", "110105 19491231 002X",
    "110105194912310021", "110105194902300028", "1.10105194912310E+17", "420102199001011000",
    "H12345678", "12345678", "E12345678", "USA123456789012", "4201********1234", "8110105194912",
    "820000199001010014", "810000199408230021", "420102\v199001011000", "ß1", "1" * 18,
    "1" * 17 + "X",
]  # fmt: skip
_PHONES = [
    "13812345678", "+86 138-1234-5678", "8613812345678", "+852 6123 4567", "027-87654321", "12345",
    "1.38123E+10", "0086 13812345678", "（027）87654321", "+4915112345678", "$1", "\\1",
]  # fmt: skip
_FIGURES = [
    "0", "1", "-1", "+5", "3.0", "3.5", "1,234", "12,34", "1,234,567.5", "１２", "x", "1e3",
    "1e400",
    "-1e400", "1e-400", ".5", "5.",
    "9223372036854775807", "9223372036854775808", "37.2℃", "36.5 度",
    "95%", "95 ％", "1_000", " 7 ", "0x1F", "Infinity", "NaN ", "00012", "38.45", "0.1", "1e22",
]  # fmt: skip
_REGIONS = [
    "420102",
    "江岸区",
    "武汉市江岸区",
    "武汉",
    "恩施州",
    "监利县",
    "421088",
    "鼓楼区",
    "420199",
    "火星",
]
_ADDRESSES = [
    "武汉市江岸区一元街3号",
    "江岸区",
    "宜昌市\n西陵区",
    "监利县容城镇",
    "北京路",
    "恩施市",
]
_WORDS = ["NA", "张三", "O'Brien", 'a"b', "a\\b", "😀", "line\nbreak", "\x1f", "A", "B", "C", "D"]
_GAPS = ["", "NULL", "不详", "n/a"]
# what a sound row says, in more than one form; its dates are all of one day
_SOUND = {
    "date": ["2020-02-{0:02d}", "2020/2/{0}", "2020年2月{0}日", "202002{0:02d}"],
    "moment": ["2020-02-{0:02d} 08:30:15", "2020/2/{0} 8:30:15", "2020-02-{0:02d}T08:30:15+08:00"],
    "id_number": ["11010519491231002X", "110105 19491231 002x", "110105491231002"],
    "document": ["resident_id", spoken("resident_id"), ""],
    "phone": ["13812345678", "+86 138-1234-5678", "027-87654321"],
    "region": ["420102", "江岸区", "武汉市江岸区", "恩施州", "监利县", "宜昌", "429004", "410100"],
    "address": ["武汉市江岸区一元街3号", "恩施市"],
    "yes_no": [*YES, *NO],
}  # fmt: skip


def _pool(kind: str, choices: tuple[str, ...]) -> list[str]:
    if kind in {"category", "document"}:
        return [*choices, *(spoken(word) for word in choices), choices[0].upper(), "nonsense"]
    serials = [f"{43000 + n}.{n * 7919**2 % 10**9:09d}" for n in range(60)]
    drawn = {
        "date": _DAYS, "moment": _MOMENTS + serials, "id_number": _NUMBERS, "phone": _PHONES,
        "integer": _FIGURES, "number": _FIGURES, "region": _REGIONS, "address": _ADDRESSES,
        "yes_no": [*YES, *NO, "TRUE", "maybe"],
    }  # fmt: skip
    return drawn.get(kind, _WORDS)


def _sound(column: Column, days: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Cells of a column that no rule faults, one for each row's day."""
    if column.kind in {"integer", "number"}:
        least = 0 if column.minimum is None else column.minimum
        said = [f"{least + 1:g}", f"{least + 1:.1f}"]
    elif column.kind == "category":
        said = [word for choice in column.choices for word in (choice, spoken(choice))]
    elif column.kind in {"code", "text", "name"}:
        said = [f"{column.kind}{n}" for n in range(200)]
    else:
        said = _SOUND[column.kind]
    chosen = draw.integers(0, len(said), len(days))
    return np.array([said[n].format(day) for n, day in zip(chosen, days, strict=True)], object)


def dirty(contract: Contract, count: int, seed: int) -> Reading:
    """Rows of a feed as text, half of them sound, most others with a fault, some twice."""
    draw = np.random.default_rng(seed)
    columns = {}
    well, days = draw.random(count) < 0.5, draw.integers(1, 20, count)
    for column in contract.columns:
        said = np.array(_pool(column.kind, column.choices), dtype=object)
        cells = said[draw.integers(0, len(said), count)]
        if column.kind not in {"text", "code", "name"}:
            fine = draw.random(count) < 0.85
            cells[fine] = said[0]
        gaps = draw.random(count) < (0.02 if column.required else 0.2)
        cells[gaps] = np.array(_GAPS, dtype=object)[draw.integers(0, len(_GAPS), gaps.sum())]
        cells = np.where(well, _sound(column, days, draw), cells)
        columns[column.name] = cells
    columns[WITHDRAWN] = np.array(["", "", "", "", "是", "no", "perhaps"], dtype=object)[
        draw.integers(0, 7, count)
    ]
    columns[WITHDRAWN][well] = ""
    again = draw.random(count) < 0.1
    again[0] = False
    for cells in columns.values():
        cells[again] = cells[np.flatnonzero(again) - 1]
    rows = {name: normalised(pa.array(cells, pa.string())) for name, cells in columns.items()}
    nothing = pa.table(
        {
            "position": pa.array([], pa.int64()),
            "column": pa.array([], pa.string()),
            "reason": pa.array([], pa.string()),
        }
    )
    return Reading(pa.table({POSITION: pa.array(np.arange(1, count + 1)), **rows}), nothing, (), 0)
