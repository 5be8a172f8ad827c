"""What stranded people say when they register or call, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.simulation import names
from analytics.simulation.draws import IntArray

TOPICS = (
    "stranded",
    "lodging",
    "food",
    "medicine",
    "travel",
    "money",
    "code",
    "complaint",
    "other",
)
_OPENINGS = ("你好，", "您好，我是外地人，", "麻烦问一下，", "请帮帮忙，", "", "我们一家人，")
_CHINESE = {
    "stranded": ("车站停运后一直回不了家", "封城以后被困在这里", "本来过完年要走，现在走不了"),
    "lodging": ("没有地方住，晚上睡在地下通道", "旅馆关门了，找不到住处", "房东让我们搬走"),
    "food": ("已经两天没有吃上热饭", "超市关门，买不到菜", "我们吃清真，盒饭不能吃"),
    "medicine": ("高血压药快吃完了", "胰岛素只够三天", "孩子发烧要买退烧药"),
    "travel": ("想知道什么时候能回家", "有没有车可以送我们回去", "能不能开证明出省"),
    "money": ("身上的钱花光了", "没有收入，付不起房费", "听说有救助金，怎么申请"),
    "code": ("健康码是红码，可是没有发烧", "扫不出健康码", "身份证号码申报不了健康码"),
    "complaint": ("打了三次电话没有人管", "社区不给登记", "安置点不收我们"),
    "other": ("想找一份临时工作", "孩子上网课没有手机", "护照快到期了怎么办"),
}
_ENGLISH = {
    "stranded": ("I cannot leave since the trains stopped", "I have been stuck here for weeks"),
    "lodging": ("my hotel closed and I have no place to sleep", "the landlord wants us out"),
    "food": ("the shops are closed and we have nothing to eat", "I need halal food"),
    "medicine": ("my blood pressure pills will run out", "I need insulin within three days"),
    "travel": ("when can I go home?", "is there a flight or a bus out?"),
    "money": ("I have run out of money", "my card does not work here"),
    "code": ("the health code does not accept my passport number", "my code is red without fever"),
    "complaint": ("I called three times and nobody came back to me", "nobody speaks English here"),
    "other": ("my visa expires next week", "please tell my embassy where I am"),
}
_CLOSINGS = ("。", "，请尽快回复。", "，谢谢。", "！", "，我在{}。", "，一共{}个人。")
_SIZES = ("两", "三", "四", "2", "3")


def said(
    generator: np.random.Generator, topic: IntArray, english: Any, place: pa.Array
) -> pa.Array:
    """
    Free words by topic.

    Parameters
    ----------
    generator : Generator
        Of the feed.
    topic : array (rows,)
        Position in `TOPICS`.
    english : array (rows,) of bool
        Whether the person speaks English rather than Chinese.
    place : pyarrow.Array
        Where the person is, to be mentioned now and then.
    """
    size = topic.size
    draw = generator.random((4, size))
    body = [_nth(_CHINESE, topic, draw[0]), _nth(_ENGLISH, topic, draw[0])]
    opening = names.words(_OPENINGS, (draw[1] * len(_OPENINGS)).astype(int))
    end = (draw[2] * len(_CLOSINGS)).astype(int)
    closing = names.words((*_CLOSINGS[:4], "，我在", "，一共"), end)
    number = names.words(_SIZES, (draw[3] * len(_SIZES)).astype(int))
    with_place = names.joined(closing, place, "。")
    with_size = names.joined(closing, number, "个人。")
    closing = pc.if_else(pa.array(end == 4), with_place, closing)
    closing = pc.if_else(pa.array(end == 5), with_size, closing)
    latin = names.words(["Hello, ", "", "Please help, "], (draw[1] * 3).astype(int))
    dots = names.words([".", ". Thank you.", "!"], (draw[2] * 3).astype(int))
    return pc.if_else(
        pa.array(np.asarray(english, dtype=bool)),
        names.joined(latin, body[1], dots),
        names.joined(opening, body[0], closing),
    )


def _nth(phrases: Mapping[str, tuple[str, ...]], topic: IntArray, draw: Any) -> pa.Array:
    flat = [phrase for name in TOPICS for phrase in phrases[name]]
    number = np.array([len(phrases[name]) for name in TOPICS])
    start = np.r_[0, np.cumsum(number)[:-1]]
    return names.words(flat, start[topic] + (draw * number[topic]).astype(int))
