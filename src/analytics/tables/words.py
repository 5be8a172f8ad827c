"""Chinese words of the closed vocabularies, as departments write them."""

from __future__ import annotations

CHINESE = {
    # persons
    "male": "男", "female": "女",
    "resident_id": "居民身份证", "residence_permit": "港澳台居民居住证",
    "mainland_permit_hk_mo": "港澳居民来往内地通行证",
    "mainland_permit_tw": "台湾居民来往大陆通行证",
    "passport": "护照", "permanent_resident": "外国人永久居留身份证",
    "migrant_worker": "务工人员", "university_student": "大学生", "tourist": "旅客",
    "hong_kong_macao_taiwan": "港澳台同胞", "foreigner": "外国人",
    # cases
    "suspected": "疑似病例", "clinical": "临床诊断病例", "confirmed": "确诊病例",
    "asymptomatic": "无症状感染者", "excluded": "排除",
    "mild": "轻型", "ordinary": "普通型", "severe": "重型", "critical": "危重型",
    "in_treatment": "在治", "recovered": "治愈", "died": "死亡", "deaths": "死亡数",
    "nucleic_acid": "核酸", "igm": "IgM抗体", "igg": "IgG抗体",
    "positive": "阳性", "negative": "阴性", "indeterminate": "可疑",
    "fever": "发热", "case": "病例", "close_contact": "密切接触者", "arrival": "外来人员",
    "household": "家庭", "workplace": "工作单位", "carriage": "交通工具", "clinic": "医疗机构",
    "gathering": "聚会", "site": "安置点",
    "under_observation": "观察中", "released": "已解除", "became_case": "转为病例", "lost": "失访",
    "home": "居家", "central": "集中", "hospital": "医院",
    # travel
    "road": "公路", "rail": "铁路", "air": "航空", "water": "水路",
    "coach": "客车", "ferry": "客轮", "train": "火车", "aircraft": "飞机", "car": "小汽车",
    "in": "进入", "out": "离开", "entry": "入境", "exit": "出境",
    "open": "开放", "checked": "查验", "permit_only": "凭证通行", "closed": "关闭",
    "green": "绿码", "yellow": "黄码", "red": "红码",
    "passed": "放行", "turned_back": "劝返", "sent_to_clinic": "送医",
    # grades
    "low": "低风险", "medium": "中风险", "high": "高风险",
    # resettlement and assistance
    "inside": "省内滞留", "outside": "省外滞留",
    "hotel": "酒店", "hostel": "旅社", "dormitory": "宿舍", "school": "学校", "shelter": "救助站",
    "station": "车站", "other": "其他", "candidate": "备用",
    "relatives": "亲友家", "rented": "租住", "street": "街头",
    "family": "家庭房", "isolation_single": "隔离单间",
    "stranded": "滞留", "lodging": "住宿", "food": "饮食", "medicine": "药品", "travel": "出行",
    "money": "资金", "code": "健康码问题", "complaint": "投诉",
    "relief_money": "临时救助金", "medical": "医疗", "job": "就业", "wages": "工资",
    "tuition": "学业", "visa": "签证", "contact_home": "联系家人",
    "requested": "已申请", "given": "已发放", "referred": "已转介", "refused": "未批准",
}  # fmt: skip
YES = ("true", "yes", "y", "1", "是", "有")
NO = ("false", "no", "n", "0", "否", "无")
MISSING = ("null", "n/a", "na", "none", "nan", "nat", "-", "--", "—", "\\n", "不详", "未知")


def spoken(word: str) -> str:
    """Chinese word of a vocabulary entry, or the entry itself where it has none."""
    return CHINESE.get(word, word)
