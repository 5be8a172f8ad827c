"""
Invented names, identity numbers and phone numbers: sound in form, nobody's in fact.

Identity numbers follow GB 11643-1999 with a region ``xx99yy`` that GB/T 2260 never gave out.
Mobile numbers start with 142, 143 or 154, which no Chinese operator had been given in 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics import codes
from analytics.errors import ParameterError
from analytics.simulation.draws import BoolArray, DateArray, IntArray, pick

if TYPE_CHECKING:
    import numpy.typing as npt

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任"
    "沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔"
    "向汤柯舒柳占余祝明阮涂库"
)  # in about the order of their frequency
MALE = (
    "伟强磊军洋勇杰涛超明刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林海建国志文永成东峰亮博睿轩然泽辰"
)
FEMALE = "芳娜敏静丽艳娟霞燕玲桂英秀兰红梅雪倩颖琳婷萍莉洁慧丹蓉欣妍怡佳琪梦瑶雨萱诗涵悦心语彤晴月"
NATIONS = ("USA", "GBR", "FRA", "DEU", "RUS", "KOR", "JPN", "IND", "PAK", "NGA", "ETH", "BRA")
LANGUAGES = ("eng", "eng", "fra", "deu", "rus", "kor", "jpn", "hin", "urd", "eng", "amh", "por")
GIVEN = [
    "John",
    "Mary",
    "David",
    "Anna",
    "Peter",
    "Laura",
    "Ahmed",
    "Fatima",
    "Ivan",
    "Olga",
    "Minjun",
    "Seoyeon",
    "Haruto",
    "Yui",
    "Raj",
    "Priya",
    "Chinedu",
    "Amina",
    "Abebe",
    "Tigist",
    "Joao",
    "Beatriz",
    "Pierre",
    "Camille",
    "Hans",
    "Greta",
    "Omar",
    "Zainab",
    "Daniel",
    "Na",
]
FAMILY = [
    "Smith",
    "Brown",
    "Wilson",
    "Martin",
    "Dubois",
    "Bernard",
    "Mueller",
    "Schmidt",
    "Ivanov",
    "Petrova",
    "Kim",
    "Park",
    "Lee",
    "Tanaka",
    "Sato",
    "Suzuki",
    "Sharma",
    "Patel",
    "Khan",
    "Hussain",
    "Okafor",
    "Adeyemi",
    "Tesfaye",
    "Bekele",
    "Silva",
    "Santos",
    "O'Neil",
    "Garcia",
    "Nguyen",
    "Malik",
]
STREETS = [
    "解放",
    "中山",
    "人民",
    "建设",
    "新华",
    "和平",
    "青年",
    "友谊",
    "长江",
    "汉江",
    "东湖",
    "南湖",
    "学府",
    "文化",
    "光明",
    "幸福",
    "胜利",
    "前进",
    "团结",
    "工农",
    "江汉",
    "沿江",
    "滨湖",
    "朝阳",
    "民主",
    "民生",
    "凤凰",
    "龙泉",
    "桃园",
    "梅苑",
    "紫阳",
    "珞珈",
    "香樟",
    "银杏",
    "桂花",
    "翠微",
    "明珠",
    "金山",
]
_SEQUENCES = 499
_PREFIXES = np.array([154, 142, 143], dtype=np.int64) * 10**8
_STRIDE, _MODULUS = 61_803_399, 10**8  # no common divisor: numbers are all different


def words(choices: Any, where: npt.ArrayLike) -> pa.Array:
    """Words by their positions; a negative position gives none."""
    at = np.asarray(where, dtype=np.int64)
    index = pa.array(at, mask=at < 0) if at.size else pa.array([], pa.int64())
    return pa.array(list(choices), pa.string()).take(index)


def text(values: npt.ArrayLike) -> pa.Array:
    """Numbers, days or moments as text; not-a-time gives none."""
    return pa.array(np.asarray(values)).cast(pa.string())


def padded(values: npt.ArrayLike, width: int) -> pa.Array:
    """Whole numbers with leading zeros."""
    return pc.utf8_lpad(text(values), width, "0")


def joined(*parts: Any) -> pa.Array:
    """Texts put together, row by row."""
    return pc.binary_join_element_wise(*parts, "")


def chinese(generator: np.random.Generator, surname: IntArray, female: BoolArray) -> pa.Array:
    """Chinese names: surname by position, one or two given characters by sex."""
    size = surname.size
    given = np.empty((2, size), dtype=np.int64)
    for row in given:
        row[:] = np.where(
            female,
            generator.integers(0, len(FEMALE), size) + len(MALE),
            generator.integers(0, len(MALE), size),
        )
    single = generator.random(size) < 0.15
    second = words([*MALE, *FEMALE, ""], np.where(single, len(MALE) + len(FEMALE), given[1]))
    return joined(words(SURNAMES, surname), words(MALE + FEMALE, given[0]), second)


def surnames(generator: np.random.Generator, size: int) -> IntArray:
    """Positions in `SURNAMES`, the frequent ones first (Zipf-Mandelbrot)."""
    return pick(generator, 1 / (np.arange(len(SURNAMES)) + 4.0), size)


def foreign(generator: np.random.Generator, size: int) -> pa.Array:
    """Names in Latin letters; some have an apostrophe, some are short."""
    first = words(GIVEN, generator.integers(0, len(GIVEN), size))
    return joined(first, words([" "], np.zeros(size)), words(FAMILY,
                  generator.integers(0, len(FAMILY), size)))  # fmt: skip


def resident_numbers(region: IntArray, born: DateArray, female: BoolArray) -> pa.Array:
    """
    Different 18-digit numbers by GB 11643-1999.

    Parameters
    ----------
    region : array (persons,)
        Six digits; ``xx99yy`` is used by `population`.
    born : array (persons,)
        Day of birth.
    female : array (persons,)
        Odd sequence numbers are male, even ones female.

    Raises
    ------
    ParameterError
        If more than 499 persons share region, day of birth and sex.
    """
    year, month, day = calendar(born)
    date = (year * 100 + month) * 100 + day
    base = region * 10**8 + date
    order = np.lexsort((female, base))
    key = base[order] * 2 + female[order]
    start = np.r_[True, key[1:] != key[:-1]]
    first = np.maximum.accumulate(np.where(start, np.arange(key.size), 0))
    rank = np.empty(key.size, dtype=np.int64)
    rank[order] = np.arange(key.size) - first
    if rank.size and rank.max() >= _SEQUENCES:
        raise ParameterError("more people share a region and a day of birth than numbers exist")
    front = (region * 10**8 + date) * 1000 + 2 * rank + np.where(female, 2, 1)
    return _closed(front)


def _closed(front: IntArray) -> pa.Array:
    """17 digits with their check character (ISO 7064 MOD 11-2)."""
    total = np.zeros(front.size, dtype=np.int64)
    rest = front.copy()
    for place in range(16, -1, -1):
        total += rest % 10 * codes.ID_WEIGHTS[place]
        rest //= 10
    return joined(text(front), words(codes.ID_CHECKS, total % 11))


def calendar(days: DateArray) -> tuple[IntArray, IntArray, IntArray]:
    """Year, month and day of the month."""
    months = days.astype("datetime64[M]")
    year = days.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (days.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    return year, month, day


def phones(places: IntArray) -> pa.Array:
    """Different mobile numbers for different places, up to 300 million."""
    digits = (places * _STRIDE + 20_200_123) % _MODULUS
    return text(_PREFIXES[places // _MODULUS] + digits)


def permits(generator: np.random.Generator, letter: str, size: int, digits: int) -> pa.Array:
    """Numbers of permits and passports: letters, then digits, all different."""
    low = 10 ** (digits - 1)
    start = int(generator.integers(low, 2 * low))
    return joined(words([letter], np.zeros(size)), text(start + np.arange(size) * 7))
