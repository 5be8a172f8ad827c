"""People who do not exist, as several departments wrote them down, with the truth beside."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

DEPARTMENTS = ("police", "health", "telecom", "government")
_SURNAMES = np.array(list("王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾"))
_GIVEN = np.array(list("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉萍红玲宇佳琳诗浩博"))
_LATIN = np.array(
    [
        "ANNA",
        "JOHN",
        "MARIA",
        "IVAN",
        "YUKI",
        "OMAR",
        "LUCAS",
        "FATIMA",
        "PIERRE",
        "OLGA",
        "KENJI",
        "SOFIA",
    ]
)
_FAMILIES = np.array(
    ["SMITH", "IVANOVA", "TANAKA", "HASSAN", "GARCIA", "DUBOIS", "NOVAK", "SILVA", "KIM", "MULLER"]
)
_COUNTIES = np.array([420102, 420106, 420107, 420502, 421003, 421303, 429004, 420704])
_STREETS = np.array(["解放大道", "中山路", "建设街", "民主巷", "和平路", "长江大道"])
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
# share missing: number, birth date, phone, address
_MISSING = {
    "police": (0.02, 0.05, 0.25, 0.15),
    "health": (0.40, 0.20, 0.20, 0.30),
    "telecom": (0.35, 0.35, 0.0, 0.50),
    "government": (0.40, 0.30, 0.25, 0.30),
}


def records(people: int, seed: int, share: float = 0.6, *, foreign: float = 0.0) -> pa.Table:
    """
    Records of four departments, in random order.

    Parameters
    ----------
    people : int
        Number of people, in households of three.
    seed : int
    share : float
        Of the people, in each department.
    foreign : float
        Share of people with Latin names, in either order and spelling, and a passport or a permit
        in place of an identity number.

    Returns
    -------
    pyarrow.Table
        `record`, `department`, `name`, `id_card`, `birth_date`, `phone`, `county`, `address`,
        `truth`.
    """
    rng = np.random.default_rng(seed)
    known = _people(people, rng)
    if foreign:
        strange = np.random.default_rng([seed, 1])
        known |= _foreign(known, strange.random(people) < foreign, strange)
    parts = [_written(name, known, share, rng) for name in DEPARTMENTS]
    table = pa.concat_tables(parts)
    table = table.take(pa.array(rng.permutation(table.num_rows)))
    names = pa.array(np.char.add("r", np.arange(table.num_rows).astype(str)).astype(object))
    return table.add_column(0, "record", names)


def _people(people: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    home = np.arange(people) // 3
    homes = int(home[-1]) + 1
    own = rng.choice(_SURNAMES, people)
    surname = np.where(rng.random(people) < 0.5, rng.choice(_SURNAMES, homes)[home], own)
    second = np.where(rng.random(people) < 0.8, rng.choice(_GIVEN, people), "")
    name = np.char.add(np.char.add(surname, rng.choice(_GIVEN, people)), second)
    born = np.datetime64("1930-01-01") + rng.integers(0, 30_000, people)
    days = np.char.replace(np.datetime_as_string(born.astype("datetime64[D]")), "-", "")
    county = rng.choice(_COUNTIES, homes)[home]
    body = county * 10**11 + days.astype(np.int64) * 1000 + rng.integers(0, 1000, people)
    digits = body[:, None] // 10 ** np.arange(16, -1, -1) % 10
    check = np.array(list("10X98765432"))[(digits @ _WEIGHTS) % 11]
    phones = 13 * 10**9 + rng.permutation(10**6 * (1 + people // 10**6)).astype(np.int64) * 997
    street = np.char.add(rng.choice(_STREETS, homes), rng.integers(1, 400, homes).astype(str))
    address = np.char.add(np.char.add(street, "号"), rng.integers(1, 60, homes).astype(str))
    return {
        "name": name,
        "id_card": np.char.add(body.astype(str), check),
        "birth_date": np.datetime_as_string(born.astype("datetime64[D]")),
        "phone": np.where(rng.random(people) < 0.35, phones[:people][home], phones[:people]).astype(
            str
        ),
        "county": county.astype(str),
        "address": np.char.add(address, "栋")[home],
    }


def _foreign(
    known: dict[str, np.ndarray], which: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Names and numbers of people of whom some are foreign."""
    people = len(which)
    given, family = rng.choice(_LATIN, people), rng.choice(_FAMILIES, people)
    named = np.char.add(np.char.add(given, " "), family)
    tail = rng.permutation(10**8)[:people].astype(str)
    tail = np.char.zfill(tail, 8)
    number = np.char.add(rng.choice(np.array(["E", "H", "M"]), people), tail)
    return {
        "name": np.where(which, named, known["name"]),
        "id_card": np.where(which, number, known["id_card"]),
    }


def _written(
    department: str, known: dict[str, np.ndarray], share: float, rng: np.random.Generator
) -> pa.Table:
    people = len(known["name"])
    chosen = np.flatnonzero(rng.random(people) < share)
    said = {column: values[chosen] for column, values in known.items()}
    said["phone"] = np.where(
        rng.random(len(chosen)) < 0.15,
        (15 * 10**9 + rng.integers(0, 10**9, len(chosen))).astype(str),
        said["phone"],
    )
    slip = rng.random(len(chosen)) < 0.05
    latin = np.array([word[:1] < "[" for word in said["name"]])
    turned = latin & (rng.random(len(chosen)) < 0.3) if latin.any() else latin
    said["name"] = np.where(turned, _turned(said["name"]), said["name"])
    wrong = np.char.add([word[:-1] for word in said["name"]], rng.choice(_GIVEN, len(chosen)))
    said["name"] = np.where(slip, wrong, said["name"])
    rates = dict(
        zip(("id_card", "birth_date", "phone", "address"), _MISSING[department], strict=True)
    )
    columns = {
        column: pa.array(values.astype(object), mask=rng.random(len(chosen)) < rates.get(column, 0))
        for column, values in said.items()
    }
    return pa.table({"department": pa.array([department] * len(chosen)), **columns}).append_column(
        "truth", pa.array(chosen)
    )


def _turned(names: np.ndarray) -> np.ndarray:
    """Latin names with the family first, in small letters."""
    parts = np.char.partition(names.astype(str), " ")
    return np.char.lower(np.char.add(np.char.add(parts[:, 2], ", "), parts[:, 0]))
