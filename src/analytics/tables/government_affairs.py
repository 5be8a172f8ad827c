"""Feeds of government affairs: registration, declarations, stranded people, sites, duty."""

from __future__ import annotations

import pandera.pandas as pa

from analytics.codes import MEASURES, ROOM_TYPES, Purpose, StrandedGroup
from analytics.tables import columns as col

_FROM = "government_affairs"
_CARE = (Purpose.RESETTLEMENT, Purpose.STATISTICS)

SITE_KINDS = ("hotel", "hostel", "dormitory", "school", "shelter", "station", "other")
LANGUAGES = "ISO 639-3"


class COMMUNITY_REGISTRATION(pa.DataFrameModel):
    """One person registered by a community, with household and arrival."""

    registration_number: col.Text = col.code("登记编号", "number of the entry", required=True)
    registered: col.Date = col.date("登记日期", "registered", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    sex: col.Text = col.sex()
    birth_date: col.Date = col.birth_date()
    phone: col.Text = col.phone()
    county: col.Text = col.region("现住县", "county", required=True)
    community: col.Text = col.code("社区", "community code", identifies="quasi")
    address: col.Text = col.address()
    household: col.Text = col.code("户号", "household number", identifies="quasi")
    employer: col.Text = col.code("工作单位", "employer code", identifies="quasi")
    arrived_from: col.Text = col.region("来自", "region arrived from", identifies="quasi")
    arrived: col.Date = col.date("抵达日期", "arrived", identifies="quasi")

    class Config:
        metadata = col.about(_FROM, "社区登记", key=("registration_number",))


class DECLARATIONS(pa.DataFrameModel):
    """One person's daily declaration of health and temperature."""

    declaration_number: col.Text = col.code("申报编号", "number", required=True)
    declared: col.Moment = col.moment("申报时间", "declared", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    county: col.Text = col.region("现住县", "county", identifies="quasi")
    temperature: col.Number = col.temperature()
    fever: col.YesNo = col.yes_no("发热", "fever stated")
    respiratory: col.YesNo = col.yes_no("呼吸道症状", "cough or short breath stated")
    contact: col.YesNo = col.yes_no("接触史", "contact with a case stated")
    travel: col.YesNo = col.yes_no("旅居史", "stay in a high-risk area stated")

    class Config:
        metadata = col.about(
            _FROM,
            "健康申报",
            key=("declaration_number",),
            purposes=(Purpose.SCREENING, Purpose.HEALTH_CODE, Purpose.TRAVEL, Purpose.STATISTICS),
        )


class STRANDED(pa.DataFrameModel):
    """One stranded person registered: outsiders in the province, or its people elsewhere."""

    registration_number: col.Text = col.code("登记编号", "number", required=True)
    registered: col.Date = col.date("登记日期", "registered", required=True)
    direction: col.Text = col.category(
        "方向", "stranded in the province, or elsewhere", ("inside", "outside"), required=True
    )
    group: col.Text = col.category("人员类别", "group", StrandedGroup, identifies="quasi")
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    sex: col.Text = col.sex()
    birth_date: col.Date = col.birth_date()
    nationality: col.Text = col.code("国籍", "ISO 3166-1 alpha-3", identifies="quasi")
    language: col.Text = col.code("语言", "language spoken", reference=LANGUAGES)
    phone: col.Text = col.phone()
    home: col.Text = col.region("来源地", "region of home; empty abroad", identifies="quasi")
    county: col.Text = col.region("滞留地", "county or prefecture where now", required=True)
    address: col.Text = col.address("滞留地址", "where now, below county")
    household: col.Text = col.code("同行组", "number of the party kept together")
    since: col.Date = col.date("滞留起始日期", "stranded since")
    left: col.Date = col.date("离开日期", "went home; empty while stranded")
    lodging: col.Text = col.category(
        "现居处", "where they sleep", ("site", "hotel", "relatives", "rented", "street", "other")
    )
    halal: col.YesNo = col.yes_no("清真饮食", "needs halal food", identifies="quasi")
    wheelchair: col.YesNo = col.yes_no("无障碍", "needs step-free access", identifies="quasi")
    infant: col.YesNo = col.yes_no("婴幼儿", "travels with an infant", identifies="quasi")
    medicine: col.YesNo = col.yes_no("慢性病用药", "needs chronic medicine", identifies="quasi")
    permit_expires: col.Date = col.date(
        "停留期限", "permitted to stay until", identifies="quasi", future=True
    )
    needs: col.Text = col.text(
        "诉求", "needs in the person's own words", identifies="direct", archived="withheld"
    )

    class Config:
        metadata = col.about(
            _FROM,
            "滞留人员登记",
            key=("registration_number",),
            purposes=(*_CARE, Purpose.TRAVEL),
            order=(("since", "registered"), ("since", "left")),
        )


class HOTLINE(pa.DataFrameModel):
    """One call to the hotline 12345."""

    call_number: col.Text = col.code("来电编号", "number of the call", required=True)
    called: col.Moment = col.moment("来电时间", "time of the call", required=True)
    phone: col.Text = col.phone("来电号码", "number called from")
    name: col.Text = col.name()
    county: col.Text = col.region("所在县", "county the caller is in", identifies="quasi")
    topic: col.Text = col.category(
        "事项",
        "topic",
        (
            "stranded",
            "lodging",
            "food",
            "medicine",
            "travel",
            "money",
            "code",
            "complaint",
            "other",
        ),
    )
    words: col.Text = col.text("内容", "what was said", identifies="direct", archived="withheld")
    answered: col.Moment = col.moment("答复时间", "answered; empty while open")

    class Config:
        metadata = col.about(
            _FROM,
            "12345热线",
            key=("call_number",),
            purposes=_CARE,
            order=(("called", "answered"),),
        )


class SITES(pa.DataFrameModel):
    """One resettlement site, or premises that could become one."""

    site: col.Text = col.code("安置点", "site code", required=True)
    name: col.Text = col.text("安置点名称", "name of the site")
    kind: col.Text = col.category("类型", "kind of premises", SITE_KINDS, required=True)
    status: col.Text = col.category(
        "状态", "in use, could be used, or shut", ("open", "candidate", "closed"), required=True
    )
    since: col.Date = col.date("起始日期", "status holds from", future=True)
    county: col.Text = col.region("所在县", "county", required=True)
    longitude: col.Number = col.number(
        "经度", "longitude, EPSG:4490", unit="°", minimum=73, maximum=136
    )
    latitude: col.Number = col.number(
        "纬度", "latitude, EPSG:4490", unit="°", minimum=3, maximum=54
    )
    floor_area: col.Number = col.number("可用面积", "floor area for sleeping", unit="m²", minimum=0)
    staff: col.Integer = col.integer("工作人员", "staff", unit="persons", minimum=0)
    staff_cap: col.Integer = col.integer(
        "可照料人数", "people the staff can care for", unit="persons", minimum=0
    )
    halal: col.YesNo = col.yes_no("清真饮食", "halal food")
    wheelchair: col.YesNo = col.yes_no("无障碍", "step-free access")
    infant: col.YesNo = col.yes_no("婴幼儿", "fit for infants")
    medicine: col.YesNo = col.yes_no("用药保障", "chronic medicine supplied")
    languages: col.Text = col.code("语言", "languages spoken, ; between", reference=LANGUAGES)
    opening_cost: col.Number = col.number("启用费用", "cost of opening", unit="yuan", minimum=0)
    daily_cost: col.Number = col.number("日费用", "cost per person and day", unit="yuan", minimum=0)

    class Config:
        metadata = col.about(_FROM, "安置点", key=("site",), purposes=_CARE)


class ROOMS(pa.DataFrameModel):
    """Rooms of one type at one site on one day."""

    site: col.Text = col.code("安置点", "site code", reference="sites.site", required=True)
    date: col.Date = col.date("日期", "counted by 24:00 of this day", required=True)
    room_type: col.Text = col.category("房型", "type of room", ROOM_TYPES, required=True)
    rooms: col.Integer = col.integer("房间数", "rooms", unit="rooms", minimum=0, required=True)
    beds: col.Integer = col.integer("床位", "beds in them", unit="beds", minimum=0, required=True)
    occupied: col.Integer = col.integer("占用床位", "beds in use", unit="beds", minimum=0)

    class Config:
        metadata = col.about(_FROM, "安置房间", key=("site", "date", "room_type"), purposes=_CARE)


class PLACEMENTS(pa.DataFrameModel):
    """One person's stay in one room of one site."""

    placement_number: col.Text = col.code("安置编号", "number of the stay", required=True)
    registration_number: col.Text = col.code(
        "登记编号", "person's registration", reference="stranded.registration_number"
    )
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    site: col.Text = col.code("安置点", "site code", reference="sites.site", required=True)
    room_type: col.Text = col.category("房型", "type of room", ROOM_TYPES, required=True)
    room: col.Text = col.code("房号", "room")
    check_in: col.Date = col.date("入住日期", "moved in", required=True)
    check_out: col.Date = col.date("离开日期", "moved out; empty while staying")

    class Config:
        metadata = col.about(
            _FROM,
            "安置入住",
            key=("placement_number",),
            purposes=(*_CARE, Purpose.SCREENING),
            order=(("check_in", "check_out"),),
        )


class ASSISTANCE(pa.DataFrameModel):
    """One measure of assistance asked for, given or refused."""

    assistance_number: col.Text = col.code("救助编号", "number", required=True)
    registration_number: col.Text = col.code(
        "登记编号", "person's registration", reference="stranded.registration_number"
    )
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    county: col.Text = col.region("所在县", "county that helps", required=True)
    measure: col.Text = col.category("措施", "what is given", MEASURES, required=True)
    requested: col.Date = col.date("申请日期", "asked for")
    status: col.Text = col.category(
        "状态", "state", ("requested", "given", "referred", "refused"), required=True
    )
    given: col.Date = col.date("发放日期", "given")
    amount: col.Number = col.number("金额", "money given", unit="yuan", minimum=0)
    provider: col.Text = col.text("提供单位", "who gives it")

    class Config:
        metadata = col.about(
            _FROM,
            "救助",
            key=("assistance_number",),
            purposes=_CARE,
            order=(("requested", "given"),),
        )


class VEHICLES(pa.DataFrameModel):
    """One vehicle ready for point-to-point return."""

    vehicle: col.Text = col.code("车辆", "vehicle code", required=True)
    kind: col.Text = col.category("类型", "kind", ("coach", "train", "aircraft", "car"))
    seats: col.Integer = col.integer("座位", "seats", unit="seats", minimum=1, required=True)
    origin: col.Text = col.region("出发地", "county or prefecture of departure", required=True)
    destination: col.Text = col.region("到达地", "county or prefecture of arrival")
    date: col.Date = col.date("日期", "day it can leave", required=True, future=True)

    class Config:
        metadata = col.about(
            _FROM, "车辆", key=("vehicle", "date"), purposes=(Purpose.TRAVEL, Purpose.STATISTICS)
        )


class RETURN_TO_WORK(pa.DataFrameModel):
    """One worker on an employer's list of those to come back."""

    entry_number: col.Text = col.code("名单编号", "number of the entry", required=True)
    employer: col.Text = col.code("工作单位", "employer code", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    origin: col.Text = col.region("现居地", "county or prefecture where now", required=True)
    destination: col.Text = col.region("工作地", "county or prefecture of work", required=True)
    expected: col.Date = col.date("返岗日期", "expected at work", required=True, future=True)

    class Config:
        metadata = col.about(
            _FROM,
            "返岗名单",
            key=("entry_number",),
            purposes=(
                Purpose.TRAVEL,
                Purpose.HEALTH_CODE,
                Purpose.RESETTLEMENT,
                Purpose.STATISTICS,
            ),
        )


class STUDENT_ROLLS(pa.DataFrameModel):
    """One student on a school's roll."""

    student_number: col.Text = col.code("学号", "school code and student number", required=True)
    school: col.Text = col.code("学校", "school code", required=True)
    county: col.Text = col.region("学校所在县", "county of the school", required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    sex: col.Text = col.sex()
    birth_date: col.Date = col.birth_date()
    phone: col.Text = col.phone()
    nationality: col.Text = col.code("国籍", "ISO 3166-1 alpha-3", identifies="quasi")
    home: col.Text = col.region("生源地", "region of home; empty abroad", identifies="quasi")
    dormitory: col.Text = col.code("宿舍", "dormitory", identifies="quasi")
    room: col.Text = col.code("房号", "room", identifies="quasi")
    on_campus: col.YesNo = col.yes_no("在校", "on campus now")

    class Config:
        metadata = col.about(_FROM, "学生名册", key=("student_number",))


class DUTY_ROSTER(pa.DataFrameModel):
    """Who answers for which target of the command, by when."""

    target: col.Text = col.code("目标编号", "target code", required=True)
    team: col.Text = col.text("专班", "special team", required=True)
    county: col.Text = col.region("县", "county or prefecture answered for")
    officer: col.Text = col.text(
        "责任人", "who answers for it", identifies="direct", archived="withheld"
    )
    phone: col.Text = col.phone("联系电话", "office phone")
    wording: col.Text = col.text("任务", "what is to be reached")
    due: col.Moment = col.moment("时限", "to be reached by", required=True, future=True)
    done: col.Moment = col.moment("完成时间", "reached; empty while not")

    class Config:
        metadata = col.about(_FROM, "责任清单", key=("target",), purposes=tuple(Purpose))
