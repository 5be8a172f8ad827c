"""Feeds of public security: register, gates, tickets, hotels, borders, channels."""

from __future__ import annotations

import pandera.pandas as pa

from analytics.codes import CHANNELS, CONTROLS, HealthCode, Purpose
from analytics.tables import columns as col

_FROM = "public_security"
_MOVEMENT = (Purpose.SCREENING, Purpose.TRAVEL, Purpose.HEALTH_CODE, Purpose.STATISTICS)

MODES = ("rail", "air", "coach", "ferry")


class RESIDENT_REGISTER(pa.DataFrameModel):
    """One registered resident."""

    document: col.Text = col.document()
    id_number: col.Text = col.id_number(required=True)
    name: col.Text = col.name()
    sex: col.Text = col.sex()
    birth_date: col.Date = col.birth_date()
    phone: col.Text = col.phone()
    county: col.Text = col.region("现住县", "county of residence", identifies="quasi")
    address: col.Text = col.address()
    household: col.Text = col.code("户号", "household number", identifies="quasi")
    registered_county: col.Text = col.region(
        "户籍县", "county of household registration", identifies="quasi"
    )

    class Config:
        metadata = col.about(_FROM, "居民登记", key=("id_number",))


class GATES(pa.DataFrameModel):
    """One checkpoint on a road, at a station, airport or port."""

    gate: col.Text = col.code("卡口", "checkpoint code", required=True)
    name: col.Text = col.text("卡口名称", "name of the checkpoint")
    channel: col.Text = col.category("通道", "channel it controls", CHANNELS, required=True)
    county: col.Text = col.region("所在县", "county it stands in", required=True)
    longitude: col.Number = col.number(
        "经度", "longitude, EPSG:4490", unit="°", minimum=73, maximum=136
    )
    latitude: col.Number = col.number(
        "纬度", "latitude, EPSG:4490", unit="°", minimum=3, maximum=54
    )
    lanes: col.Integer = col.integer("通道数", "lanes or counters", minimum=0)

    class Config:
        metadata = col.about(_FROM, "卡口", key=("gate",), purposes=_MOVEMENT)


class GATE_STAFF(pa.DataFrameModel):
    """Staff on duty at one checkpoint in one hour."""

    gate: col.Text = col.code("卡口", "checkpoint code", reference="gates.gate", required=True)
    hour: col.Moment = col.moment("小时", "start of the hour", required=True, future=True)
    staff: col.Integer = col.integer(
        "在岗人数", "people on duty", unit="persons", minimum=0, required=True
    )

    class Config:
        metadata = col.about(_FROM, "卡口值守", key=("gate", "hour"), purposes=_MOVEMENT)


class CHECKPOINT_PASSES(pa.DataFrameModel):
    """One person checked at one checkpoint."""

    pass_number: col.Text = col.code("通行编号", "number of the check", required=True)
    passed: col.Moment = col.moment("通行时间", "time of the check", required=True)
    gate: col.Text = col.code("卡口", "checkpoint code", reference="gates.gate", required=True)
    direction: col.Text = col.category("方向", "into or out of the county", ("in", "out"))
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    plate: col.Text = col.code("车牌", "number plate", identifies="direct", archived="pseudonym")
    origin: col.Text = col.region("出发地", "county of origin", identifies="quasi")
    destination: col.Text = col.region("目的地", "county of destination", identifies="quasi")
    temperature: col.Number = col.temperature()
    symptoms: col.YesNo = col.yes_no("症状", "cough, fever or short breath stated")
    code_shown: col.Text = col.category("健康码", "health code shown", HealthCode)
    outcome: col.Text = col.category(
        "处置", "what followed", ("passed", "turned_back", "sent_to_clinic")
    )

    class Config:
        metadata = col.about(_FROM, "卡口通行", key=("pass_number",), purposes=_MOVEMENT)


class TICKETS(pa.DataFrameModel):
    """One seat of one traveller on one rail, air, coach or ferry service."""

    ticket_number: col.Text = col.code("票号", "ticket number", required=True)
    mode: col.Text = col.category("方式", "mode of transport", MODES, required=True)
    service: col.Text = col.code("车次", "train, flight, coach or sailing number", required=True)
    service_date: col.Date = col.date(
        "运行日期", "day the service starts", required=True, future=True
    )
    carriage: col.Text = col.code("车厢", "carriage or cabin")
    row: col.Integer = col.integer("排", "seat row", minimum=1)
    seat: col.Text = col.code("座", "seat letter")
    origin_station: col.Text = col.text("上车站", "station of boarding")
    destination_station: col.Text = col.text("下车站", "station of alighting")
    origin: col.Text = col.region("出发地", "county or prefecture of boarding", required=True)
    destination: col.Text = col.region("到达地", "county or prefecture of alighting", required=True)
    board_stop: col.Integer = col.integer("上车站序", "ordinal of the stop of boarding", minimum=0)
    alight_stop: col.Integer = col.integer(
        "下车站序", "ordinal of the stop of alighting", minimum=0
    )
    departure: col.Moment = col.moment("出发时间", "departure", required=True, future=True)
    arrival: col.Moment = col.moment("到达时间", "arrival", future=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()

    class Config:
        metadata = col.about(
            _FROM,
            "客票",
            key=("ticket_number",),
            purposes=_MOVEMENT,
            order=(("departure", "arrival"), ("board_stop", "alight_stop")),
        )


class HOTEL_STAYS(pa.DataFrameModel):
    """One guest's stay in one hotel room."""

    stay_number: col.Text = col.code("入住编号", "number of the stay", required=True)
    hotel: col.Text = col.code("旅馆", "hotel code", required=True)
    county: col.Text = col.region("所在县", "county of the hotel", required=True)
    room: col.Text = col.code("房号", "room")
    check_in: col.Moment = col.moment("入住时间", "arrival", required=True)
    check_out: col.Moment = col.moment("退房时间", "departure; empty while staying")
    document: col.Text = col.document()
    id_number: col.Text = col.id_number()
    name: col.Text = col.name()
    phone: col.Text = col.phone()
    nationality: col.Text = col.code("国籍", "ISO 3166-1 alpha-3", identifies="quasi")
    origin: col.Text = col.region("来自", "region the guest came from", identifies="quasi")

    class Config:
        metadata = col.about(
            _FROM, "旅馆住宿", key=("stay_number",), order=(("check_in", "check_out"),)
        )


class EXIT_ENTRY(pa.DataFrameModel):
    """One crossing of the border."""

    record_number: col.Text = col.code("记录编号", "number of the crossing", required=True)
    crossed: col.Moment = col.moment("时间", "time of the crossing", required=True)
    port: col.Text = col.text("口岸", "port")
    direction: col.Text = col.category("方向", "entry or exit", ("entry", "exit"), required=True)
    document: col.Text = col.document()
    id_number: col.Text = col.id_number(required=True)
    name: col.Text = col.name()
    nationality: col.Text = col.code("国籍", "ISO 3166-1 alpha-3", identifies="quasi")
    sex: col.Text = col.sex()
    birth_date: col.Date = col.birth_date()
    permit_expires: col.Date = col.date(
        "停留期限", "permitted to stay until", identifies="quasi", future=True
    )

    class Config:
        metadata = col.about(_FROM, "出入境", key=("record_number",))


class CHANNEL_STATUS(pa.DataFrameModel):
    """One change of a channel's control status in one county and direction."""

    county: col.Text = col.region("县", "county or prefecture", required=True)
    channel: col.Text = col.category("通道", "channel", CHANNELS, required=True)
    direction: col.Text = col.category("方向", "into or out of it", ("in", "out"), required=True)
    since: col.Moment = col.moment("起始时间", "in force from", required=True, future=True)
    status: col.Text = col.category("管控状态", "status from then on", CONTROLS, required=True)
    notice: col.Text = col.text("依据", "notice it rests on")

    class Config:
        metadata = col.about(
            _FROM,
            "通道管控状态",
            key=("county", "channel", "direction", "since"),
            purposes=_MOVEMENT,
        )
