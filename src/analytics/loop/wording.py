"""Words on work lists, in Chinese and English: what is asked, answered, and told to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKS: Mapping[str, tuple[str, str]] = {
    "infected": ("核查此人是否为病例。", "Check whether this person is a case."),
    "contact": ("核查此人是否接触过病例。", "Check whether this person met a case."),
    "traced": ("核查此人是否已找到并告知。", "Check whether this person was found and told."),
    "stranded": ("核查此人是否滞留本地。", "Check whether this person is stranded here."),
    "needs": ("核查所需帮助是否属实。", "Check whether the help asked for is needed."),
    "code_wrong": ("核查健康码颜色是否有误。", "Check whether the health code is wrong."),
    "clustered": ("核查此例是否属于聚集性疫情。", "Check whether this case is one of a cluster."),
    "same_person": ("核查两条记录是否为同一人。", "Check whether both records are one person."),
    "record_wrong": ("核查此条记录是否有误。", "Check whether this record is wrong."),
}
VERDICTS: Mapping[str, str] = {
    "confirmed": "属实", "refuted": "不属实", "unreachable": "联系不上", "moved": "已转出",
}  # fmt: skip
EVIDENCE: Mapping[str, str] = {
    "visit": "上门", "phone_call": "电话", "document": "证件材料", "test": "检测",
    "department": "部门核实", "none": "无",
}  # fmt: skip
INSTRUCTIONS: tuple[tuple[str, str], ...] = (
    ("只填黄色格；灰色格锁定，改动后该行不予受理。",
     "Fill in yellow cells only; grey ones are locked, and a row changed there is not accepted."),
    ("结论从下拉单中选一个：属实、不属实、联系不上、已转出。",
     "Choose one verdict from the list: confirmed, refuted, unreachable, moved."),
    ("已转出：必须选“转往”的县。", "Moved: choose the county under “moved to”."),
    ("核查日期写作 2020-02-10。", "Write the day of the check as 2020-02-10."),
    ("一行有几个问题，就填几个结论。", "A line with several questions needs several verdicts."),
    ("没有核查的行留空，不要删除；删除的行仍算未完成。",
     "Leave what was not checked empty and delete nothing: deleted rows still count as open."),
    ("打印后手填也可以，再照样录入本表。",
     "It may be printed and filled in by hand, then copied into this file."),
    ("含个人信息：用原密码保存，不得转发，交回后删除。",
     "It names people: keep the password, do not pass it on, delete it once handed in."),
)  # fmt: skip
NOTICES: Mapping[str, tuple[str, ...]] = {
    "zh": (
        "您好。我们按疫情防控需要核实有关您的一条信息。",
        "只核实清单上列出的事项；您的信息只用于疫情防控，只给负责核实的人看。",
        "信息有误请告诉我们，我们会更正。有困难或需要帮助，也请告诉我们。",
    ),
    "en": (
        "Hello. For epidemic control we are checking one piece of information about you.",
        "We check only what is on the list, for epidemic control alone; only checkers see it.",
        "If it is wrong, tell us and it will be corrected. Tell us too if you need help.",
    ),
}


def checks() -> pa.Table:
    """List what to check for each question: asks, zh, en."""
    return pa.table(
        {
            "asks": list(CHECKS),
            "zh": [zh for zh, _ in CHECKS.values()],
            "en": [en for _, en in CHECKS.values()],
        }
    )


def options(words: Mapping[str, str]) -> list[str]:
    """Entries of a dropdown, both languages in one: ``属实 confirmed``."""
    return [f"{zh} {en}" for en, zh in words.items()]


def understood(said: str, words: Mapping[str, str]) -> str | None:
    """Word of a vocabulary for what was filled in, in either language or both; None if unknown."""
    plain = " ".join(said.split()).casefold()
    for word, zh in words.items():
        if plain in {word, zh, f"{zh} {word}", word.replace("_", " ")}:
            return word
    return None
