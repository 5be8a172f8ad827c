"""Feeds of health: cases, visits, tests, contacts, clusters, quarantine, beds."""

from __future__ import annotations

import pandera.pandas as pa

from analytics.codes import Purpose
from analytics.tables import columns as col

_FROM = "health"
_CLINICAL = (Purpose.SCREENING, Purpose.HEALTH_CODE, Purpose.STATISTICS)

CLASSES = ("suspected", "clinical", "confirmed", "asymptomatic", "excluded")
SEVERITIES = ("mild", "ordinary", "severe", "critical")
OUTCOMES = ("in_treatment", "recovered", "died")
SETTINGS = (
    "household", "workplace", "school", "site", "hotel", "carriage", "clinic", "gathering", "other",
)  # fmt: skip


class CASES(pa.DataFrameModel):
    """One case as it stands; a change of class, severity or outcome is a correction."""

    case_number: col.Text = col.code("病例编号", "case number", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    sex: col.Text = col.sex()
    birth_date: col.Date = col.birth_date()
    age: col.Integer = col.integer(
        "年龄", "age at report", unit="years", minimum=0, maximum=120, identifies="quasi"
    )
    phone: col.Text = col.phone()
    county: col.Text = col.region("现住县", "county of residence", identifies="quasi")
    address: col.Text = col.address()
    reporting_county: col.Text = col.region("报告县", "county that counts it", required=True)
    classification: col.Text = col.category("病例分类", "class of case", CLASSES, required=True)
    severity: col.Text = col.category("临床严重程度", "clinical severity", SEVERITIES)
    onset: col.Date = col.date("发病日期", "first symptoms; empty without symptoms")
    reported: col.Date = col.date("报告日期", "first reported", required=True)
    confirmed: col.Date = col.date("确诊日期", "confirmed")
    outcome: col.Text = col.category("转归", "outcome so far", OUTCOMES)
    outcome_date: col.Date = col.date("转归日期", "recovered or died on")
    imported: col.YesNo = col.yes_no("输入病例", "infected outside the reporting county")

    class Config:
        metadata = col.about(
            _FROM,
            "病例",
            key=("case_number",),
            purposes=_CLINICAL,
            order=(
                ("onset", "reported"),
                ("birth_date", "reported"),
                ("reported", "confirmed"),
                ("onset", "outcome_date"),
            ),
        )


class FEVER_VISITS(pa.DataFrameModel):
    """One visit to a fever clinic."""

    visit_number: col.Text = col.code("就诊编号", "number of the visit", required=True)
    visited: col.Moment = col.moment("就诊时间", "time of the visit", required=True)
    facility: col.Text = col.code("医疗机构", "hospital code", required=True)
    county: col.Text = col.region("所在县", "county of the clinic", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    sex: col.Text = col.sex()
    birth_date: col.Date = col.birth_date()
    phone: col.Text = col.phone()
    onset: col.Date = col.date("发病日期", "first symptoms")
    temperature: col.Number = col.temperature()
    respiratory: col.YesNo = col.yes_no("呼吸道症状", "cough or short breath")
    imaging: col.YesNo = col.yes_no("影像学肺炎", "computed tomography shows pneumonia")
    lymphocytes_low: col.YesNo = col.yes_no(
        "淋巴细胞减少", "white cells normal or low, or lymphocytes low"
    )
    exposure: col.YesNo = col.yes_no("流行病学史", "epidemiological history stated")
    diagnosis: col.Text = col.category(
        "诊断", "doctor's conclusion", ("excluded", "fever", "suspected", "clinical", "confirmed")
    )

    class Config:
        metadata = col.about(
            _FROM,
            "发热门诊",
            key=("visit_number",),
            purposes=_CLINICAL,
            order=(("onset", "visited"),),
        )


class TESTS(pa.DataFrameModel):
    """One laboratory test of one sample."""

    test_number: col.Text = col.code("检测编号", "number of the test", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    laboratory: col.Text = col.code("实验室", "laboratory code")
    county: col.Text = col.region("采样县", "county of sampling", required=True)
    method: col.Text = col.category("方法", "method", ("nucleic_acid", "igm", "igg"), required=True)
    sampled: col.Moment = col.moment("采样时间", "sample taken", required=True)
    resulted: col.Moment = col.moment("出结果时间", "result known; empty while pending")
    result: col.Text = col.category(
        "结果", "result; empty while pending", ("positive", "negative", "indeterminate")
    )

    class Config:
        metadata = col.about(
            _FROM,
            "实验室检测",
            key=("test_number",),
            purposes=(*_CLINICAL, Purpose.TRAVEL),
            order=(("sampled", "resulted"),),
        )


class CONTACTS(pa.DataFrameModel):
    """One declared close contact of one case."""

    contact_number: col.Text = col.code("密接编号", "number of the declaration", required=True)
    case_number: col.Text = col.code(
        "病例编号", "case met", reference="cases.case_number", required=True
    )
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    county: col.Text = col.region("现住县", "county of residence", identifies="quasi")
    setting: col.Text = col.category("接触场所", "where they met", SETTINGS)
    first_contact: col.Date = col.date("首次接触日期", "first met")
    last_contact: col.Date = col.date("末次接触日期", "last met", required=True)
    reported: col.Moment = col.moment("报告时间", "declared", required=True)
    traced: col.Moment = col.moment("追踪到时间", "found and told; empty while not")
    status: col.Text = col.category(
        "状态", "state of observation", ("under_observation", "released", "became_case", "lost")
    )

    class Config:
        metadata = col.about(
            _FROM,
            "密切接触者",
            key=("contact_number",),
            purposes=_CLINICAL,
            order=(("first_contact", "last_contact"), ("last_contact", "reported")),
        )


class CLUSTER_EVENTS(pa.DataFrameModel):
    """One reported cluster of cases."""

    cluster: col.Text = col.code("聚集编号", "cluster number", required=True)
    county: col.Text = col.region("所在县", "county", required=True)
    setting: col.Text = col.category("场所", "where it happened", SETTINGS, required=True)
    first_onset: col.Date = col.date("首例发病日期", "onset of the first case")
    latest_onset: col.Date = col.date("末例发病日期", "onset of the latest case")
    reported: col.Date = col.date("报告日期", "reported", required=True)
    cases: col.Integer = col.integer("病例数", "cases in it", unit="persons", minimum=0)
    confirmed: col.YesNo = col.yes_no("核实", "confirmed by the field")

    class Config:
        metadata = col.about(
            _FROM,
            "聚集性疫情",
            key=("cluster",),
            purposes=_CLINICAL,
            order=(("first_onset", "latest_onset"),),
        )


class QUARANTINE(pa.DataFrameModel):
    """One order of quarantine and its release."""

    order_number: col.Text = col.code("隔离编号", "number of the order", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    county: col.Text = col.region("隔离县", "county", required=True)
    kind: col.Text = col.category("隔离方式", "where kept", ("home", "central", "hospital"))
    site: col.Text = col.code("隔离点", "site code", reference="sites.site")
    started: col.Date = col.date("开始日期", "from", required=True)
    due: col.Date = col.date("应解除日期", "to be released", future=True)
    released: col.Date = col.date("解除日期", "released; empty while kept")
    reason: col.Text = col.category(
        "原因", "why", ("case", "suspected", "fever", "close_contact", "arrival", "recovered")
    )

    class Config:
        metadata = col.about(
            _FROM,
            "隔离",
            key=("order_number",),
            purposes=(*_CLINICAL, Purpose.RESETTLEMENT, Purpose.TRAVEL),
            order=(("started", "due"), ("started", "released")),
        )


class BEDS(pa.DataFrameModel):
    """Beds of one hospital on one day."""

    facility: col.Text = col.code("医疗机构", "hospital code", required=True)
    date: col.Date = col.date("日期", "counted by 24:00 of this day", required=True)
    county: col.Text = col.region("所在县", "county", required=True)
    beds: col.Integer = col.integer("床位", "beds", unit="beds", minimum=0, required=True)
    occupied: col.Integer = col.integer("占用床位", "beds in use", unit="beds", minimum=0)
    intensive: col.Integer = col.integer(
        "重症床位", "intensive-care places", unit="beds", minimum=0
    )
    intensive_occupied: col.Integer = col.integer(
        "占用重症床位", "intensive-care places in use", unit="beds", minimum=0
    )

    class Config:
        metadata = col.about(
            _FROM, "床位", key=("facility", "date"), purposes=(Purpose.STATISTICS,)
        )
