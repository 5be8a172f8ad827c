"""Tables of the closed loop: findings, the rows pushed to teams, and the answers that came back."""

from __future__ import annotations

import pandera.pandas as pa

from analytics.codes import Purpose
from analytics.tables import columns as col

COMMAND, FIELD = "command", "field"
OWN = (COMMAND, FIELD)  # written by the loop itself, never dropped into the inbox

SUBJECTS = ("person", "pair", "record")
QUESTIONS = (
    "infected",  # is this person a case?
    "contact",  # did this person meet a case?
    "traced",  # was this contact found and told?
    "stranded",  # is this person stranded here?
    "needs",  # does this person need what was asked for?
    "code_wrong",  # is this health code of the wrong colour?
    "clustered",  # is this case one of a cluster?
    "same_person",  # are these two records one person?
    "record_wrong",  # is this record at fault?
)
VERDICTS = ("confirmed", "refuted", "unreachable", "moved")
EVIDENCE = ("visit", "phone_call", "document", "test", "department", "none")


class FINDINGS(pa.DataFrameModel):
    """One thing that a rule found and a team should check."""

    duty: col.Text = col.code("职责", "duty of the roster that checks it", required=True)
    purpose: col.Text = col.category("用途", "for which purpose", Purpose, required=True)
    county: col.Text = col.region("县", "county whose team checks it", required=True)
    subject: col.Text = col.code(
        "对象",
        "purpose's pseudonym of a person, names of two records, or name of a row",
        required=True,
    )
    subject_kind: col.Text = col.category("对象类型", "what it is about", SUBJECTS, required=True)
    asks: col.Text = col.category("问题", "what is asked", QUESTIONS, required=True)
    rule: col.Text = col.code("规则", "rule that found it", required=True)
    rule_version: col.Text = col.code("规则版本", "version of the rule", required=True)
    score: col.Number = col.number("得分", "the rule's score; higher is surer", minimum=0)
    department: col.Text = col.code("来源部门", "whose records led to it")
    reason_zh: col.Text = col.text("原因", "why, in Chinese", required=True)
    reason_en: col.Text = col.text("原因（英文）", "why, in English", required=True)
    check_zh: col.Text = col.text("核查事项", "what to check, in Chinese", required=True)
    check_en: col.Text = col.text("核查事项（英文）", "what to check, in English", required=True)
    priority: col.Integer = col.integer("优先级", "1 is first", minimum=1, maximum=9, required=True)
    due: col.Moment = col.moment("时限", "answer owed by; empty: by the roster", future=True)

    class Config:
        metadata = col.about(
            COMMAND, "核查线索", key=("purpose", "subject", "asks", "rule", "rule_version")
        )


class PUSHES(pa.DataFrameModel):
    """One rule's reason for one row of a work list."""

    row: col.Text = col.code("行编号", "question and its version", required=True)
    rule: col.Text = col.code("规则", "rule that found it, or why it was pushed", required=True)
    rule_version: col.Text = col.code("规则版本", "version of the rule", required=True)
    question: col.Text = col.code("问题编号", "one subject, one thing asked", required=True)
    row_version: col.Integer = col.integer(
        "行版本", "how often the question was pushed", minimum=1, required=True
    )
    list: col.Text = col.code("清单", "work list: county, team, number", required=True)
    list_version: col.Integer = col.integer(
        "清单版本", "push of this list that brought the row", minimum=1, required=True
    )
    team: col.Text = col.code("小组", "team of the roster", required=True)
    county: col.Text = col.region("县", "county of the team", required=True)
    line: col.Text = col.code(
        "行人", "one person's line in any list of the team", required=True, purposes=()
    )
    duty: col.Text = col.code("职责", "duty that checks it", required=True)
    purpose: col.Text = col.category("用途", "for which purpose", Purpose, required=True)
    subject: col.Text = col.code("对象", "as found", required=True, purposes=())
    subject_kind: col.Text = col.category("对象类型", "what it is about", SUBJECTS, required=True)
    asks: col.Text = col.category("问题", "what is asked", QUESTIONS, required=True)
    score: col.Number = col.number("得分", "the rule's score", minimum=0)
    department: col.Text = col.code("来源部门", "whose records led to it")
    reason_zh: col.Text = col.text("原因", "why, in Chinese", required=True)
    reason_en: col.Text = col.text("原因（英文）", "why, in English", required=True)
    check_zh: col.Text = col.text("核查事项", "what to check, in Chinese", required=True)
    check_en: col.Text = col.text("核查事项（英文）", "what to check, in English", required=True)
    priority: col.Integer = col.integer("优先级", "1 is first", minimum=1, maximum=9, required=True)
    pushed: col.Moment = col.moment("推送时间", "pushed", required=True)
    due: col.Moment = col.moment("时限", "answer owed by", required=True, future=True)
    sampled: col.YesNo = col.yes_no("抽查", "drawn at random, not flagged", required=True)
    inclusion: col.Number = col.number(
        "入样概率", "probability of being drawn; 1 where flagged", minimum=0, maximum=1
    )

    class Config:
        metadata = col.about(
            COMMAND,
            "推送",
            key=("row", "rule", "rule_version"),
            purposes=(Purpose.STATISTICS,),
        )


class VERIFICATIONS(pa.DataFrameModel):
    """One answer of a team to one row; several to one row may contradict each other."""

    answer: col.Text = col.code("答复编号", "row and what was answered", required=True)
    row: col.Text = col.code("行编号", "row", reference="pushes.row", required=True)
    question: col.Text = col.code("问题编号", "question", required=True)
    row_version: col.Integer = col.integer("行版本", "version of the row", minimum=1, required=True)
    list: col.Text = col.code("清单", "work list it came back in", required=True)
    team: col.Text = col.code("小组", "team that answered", required=True)
    county: col.Text = col.region("县", "county of the team", required=True)
    verdict: col.Text = col.category("结论", "what was found", VERDICTS, required=True)
    moved_to: col.Text = col.region("转往", "county that the person is in now")
    verified: col.Date = col.date("核查日期", "day of the check", required=True)
    evidence: col.Text = col.category("依据", "what the verdict stands on", EVIDENCE)
    remarked: col.YesNo = col.yes_no(
        "有备注", "a remark lies in the sealed original", required=True
    )
    latest_version: col.Integer = col.integer(
        "当时版本",
        "version of the question then out; above the row's own it is stale",
        minimum=1,
        required=True,
    )

    class Config:
        metadata = col.about(FIELD, "核查结果", key=("answer",), purposes=(Purpose.STATISTICS,))
