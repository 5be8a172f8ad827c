"""Health codes: appeals and other provinces' codes as delivered, changes of codes as told."""

from __future__ import annotations

import pandera.pandas as pa

from analytics.codes import HealthCode, Purpose
from analytics.tables import columns as col

_FROM = "government_affairs"
_CODE = (Purpose.HEALTH_CODE, Purpose.STATISTICS)


class CODE_APPEALS(pa.DataFrameModel):
    """One holder's appeal against one health code."""

    appeal_number: col.Text = col.code("申诉编号", "number of the appeal", required=True)
    filed: col.Moment = col.moment("申诉时间", "filed", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    rule: col.Text = col.code("所涉规则", "rule the code rests on", required=True)
    outcome: col.Text = col.category(
        "处理结果", "what was decided; empty while pending", ("upheld", "refused")
    )
    decided: col.Moment = col.moment("办结时间", "decided; empty while pending")

    class Config:
        metadata = col.about(
            _FROM,
            "健康码申诉",
            key=("appeal_number",),
            purposes=_CODE,
            order=(("filed", "decided"),),
        )


class FOREIGN_CODES(pa.DataFrameModel):
    """One code of another province, as its holder showed it."""

    showing_number: col.Text = col.code("出示编号", "number of the showing", required=True)
    since: col.Moment = col.moment("起始时间", "shown", required=True)
    expires: col.Moment = col.moment("有效期至", "holds until", future=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    province: col.Text = col.region("发码省份", "province that gave it", required=True)
    code: col.Text = col.category("外省健康码", "its colour", HealthCode, required=True)

    class Config:
        metadata = col.about(
            _FROM,
            "外省健康码",
            key=("showing_number",),
            purposes=(*_CODE, Purpose.TRAVEL),
            order=(("since", "expires"),),
        )


class CODE_CHANGES(pa.DataFrameModel):
    """One change of one person's health code, with its reason."""

    person: col.Text = col.code("人员假名", "pseudonym of the purpose", required=True)
    since: col.Moment = col.moment("起始时间", "in force from", required=True, future=True)
    code: col.Text = col.category("健康码", "code; empty when the last ground is gone", HealthCode)
    rule: col.Text = col.code("规则", "rule that decided")
    version: col.Text = col.code("规则版本", "its version")
    evidence: col.Text = col.code("依据种类", "kind of record it rests on")
    category: col.Text = col.code("依据类别", "category of that record")
    evidence_since: col.Moment = col.moment("依据时间", "when what is on record happened")
    changes: col.Moment = col.moment(
        "最早转码时间", "earliest change without new records; empty where there is no date",
        future=True,
    )  # fmt: skip

    class Config:
        metadata = col.about("workbench", "健康码变更", key=("person", "since"), purposes=_CODE)
