"""Categories of management in order of precedence, and the rules that lead to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.analysis.screening.protocols import Diagnosis

CATEGORIES: Final = (
    "dead",
    "confirmed",
    "asymptomatic",
    "suspected",
    "recovered",
    "fever",
    "close_contact",
    "none",
)
"""Of several that hold, the first is how a person is managed; ``none`` if no rule holds."""

WORDS: Final = {
    "dead": ("死亡", "dead"),
    "confirmed": ("确诊病例", "confirmed case"),
    "asymptomatic": ("无症状感染者", "asymptomatic infection"),
    "suspected": ("疑似病例", "suspected case"),
    "recovered": ("治愈", "recovered"),
    "fever": ("不能排除的发热", "fever that cannot be excluded"),
    "close_contact": ("密切接触者", "close contact"),
    "none": ("无", "none"),
}
"""Each category, in Chinese and in English."""


@dataclass(frozen=True)
class Rule:
    """One way into a category, and its words."""

    name: str
    category: str
    zh: str
    en: str


_RULES: Final = (
    Rule("outcome_died", "dead", "病例转归为死亡", "the case ended in death"),
    Rule("class_confirmed", "confirmed", "病例报告为确诊", "reported as a confirmed case"),
    Rule(
        "class_clinical",
        "confirmed",
        "病例报告为临床诊断，按当日方案计入确诊",
        "reported as clinically diagnosed, which counts as confirmed under that day's protocol",
    ),
    Rule("test_positive", "confirmed", "核酸检测阳性", "positive nucleic acid test"),
    Rule("serology_positive", "confirmed", "IgM和IgG抗体均阳性", "IgM and IgG both positive"),
    Rule(
        "doctor_confirmed",
        "confirmed",
        "发热门诊诊断为确诊（或可计入确诊的临床诊断）",
        "diagnosed as confirmed at the fever clinic, or clinically where that counts",
    ),
    Rule("class_asymptomatic", "asymptomatic", "报告为无症状感染者", "reported as asymptomatic"),
    Rule(
        "test_positive_without_symptoms",
        "asymptomatic",
        "核酸检测阳性且已知无症状",
        "positive nucleic acid test, and known to have no symptoms",
    ),
    Rule("class_suspected", "suspected", "病例报告为疑似", "reported as a suspected case"),
    Rule(
        "class_clinical_uncounted",
        "suspected",
        "病例报告为临床诊断，当日方案不计入确诊",
        "reported as clinically diagnosed, which does not count under that day's protocol",
    ),
    Rule(
        "doctor_suspected",
        "suspected",
        "发热门诊诊断为疑似",
        "diagnosed as suspected at the fever clinic",
    ),
    Rule(
        "double_negative_with_picture",
        "suspected",
        "两次核酸阴性但临床表现符合，仍按疑似管理",
        "two negative tests, but the clinical picture matches: still managed as suspected",
    ),
    Rule("outcome_recovered", "recovered", "病例转归为治愈", "the case recovered"),
    Rule(
        "doctor_fever",
        "fever",
        "发热门诊诊断为发热，不能排除",
        "fever at the fever clinic that was not excluded",
    ),
    Rule(
        "fever_at_clinic",
        "fever",
        "发热门诊体温达到标准，尚无诊断",
        "temperature at the fever clinic, no diagnosis yet",
    ),
    Rule("fever_declared", "fever", "健康申报发热", "fever declared"),
    Rule(
        "fever_at_checkpoint",
        "fever",
        "卡口测得体温达到标准",
        "temperature measured at a checkpoint",
    ),
    Rule(
        "contact_declared",
        "close_contact",
        "流行病学调查列为密切接触者",
        "declared as a close contact of a case",
    ),
    Rule(
        "contact_household",
        "close_contact",
        "与病例同户",
        "same household as a case",
    ),
    Rule("contact_room", "close_contact", "与病例同住安置房间", "shared a room with a case"),
    Rule(
        "contact_travel",
        "close_contact",
        "与病例同车厢、行程重叠且座位相近",
        "sat near a case in one carriage on an overlapping stretch",
    ),
)


def rules(editions: Sequence[Diagnosis]) -> tuple[Rule, ...]:
    """
    All rules under the editions in force, in order of precedence.

    Within a category the order is the one in which they are listed, those on the clinical
    picture last.
    """
    pictures = {}
    for edition in editions:
        for kind, category in ((edition.suspected, "suspected"), (edition.clinical, "confirmed")):
            for rule in kind:
                pictures[rule.rule] = Rule(rule.rule, category, rule.zh, rule.en)
    return tuple(
        sorted((*_RULES, *pictures.values()), key=lambda rule: CATEGORIES.index(rule.category))
    )
