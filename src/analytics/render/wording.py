"""The page's own words, in both languages; a report's words come from its notebook."""

from __future__ import annotations

from typing import Final

from analytics.render.blocks import Language, Text

WORDS: Final[dict[str, Text]] = {
    "skip": Text("跳到正文", "Skip to the report"),
    "as_of": Text("截至", "As of"),
    "by_midnight": Text("24 时", "24:00"),
    "status": Text("状态", "Status"),
    "draft": Text("草稿", "draft"),
    "reviewed": Text("已审核", "reviewed"),
    "issued": Text("已签发", "issued"),
    "nature": Text("数据", "Data"),
    "real": Text("公开通报的真实数据", "real, as published"),
    "simulated": Text("模拟数据", "simulated"),
    "simulated_banner": Text(
        "模拟数据：本页所有人员与数字均为程序生成，不是真实疫情。",
        "Simulated data: every person and figure on this page is made by a program. "
        "Not a real epidemic.",
    ),
    "version": Text("版本", "Version"),
    "errata": Text("较上版更正 {count} 处", "{count} corrected since the last version"),
    "notices": Text("使用须知", "Before you read on"),
    "headlines": Text("要点数字", "Headline figures"),
    "decisions": Text("待决事项", "For decision"),
    "no_decision": Text("今日无需决定事项。", "Nothing on this page needs a decision today."),
    "what": Text("事项", "What"),
    "who": Text("由谁", "By whom"),
    "due": Text("何时", "By when"),
    "legend": Text("图例与数量", "Legend and counts"),
    "map_help": Text(
        "点选或用方向键移动查看各地；回车键转到表中该行。",
        "Select an area, or move with the arrow keys; Enter goes to its row in the table.",
    ),
    "to_row": Text("查看表中该行", "Show its row in the table"),
    "chart_off": Text(
        "图形需要 JavaScript；以下文字与表格内容相同。",
        "The chart needs JavaScript; the words and tables below say the same.",
    ),
    "chart_failed": Text(
        "图形未能绘出；以下文字与表格内容相同。",
        "The chart could not be drawn; the words and tables below say the same.",
    ),
    "download": Text("下载 CSV", "Download CSV"),
    "whole_page": Text("查看全文", "The whole page"),
    "workbook": Text("下载全部表格（XLSX）", "Download all tables (XLSX)"),
    "contents": Text("说明", "About"),
    "no_masthead": Text(
        "未附页首：截至时间及数据性质（真实或模拟）以原页为准",
        "Without a masthead: as of when, and whether real or simulated, stands on its page",
    ),
    "empty_cells": Text("空白 {count} 格", "{count} cells empty"),
    "more_columns": Text(
        "另有 {count} 列见宽屏、打印件及下载文件。",
        "{count} more columns on a wide screen, in print and in the download.",
    ),
    "rows": Text("{count} 行", "{count} rows"),
    "unknown": Text("未知", "not known"),
    "unknown_note": Text("—：未知或未公布", "—: not known or not published"),
    "empty_table": Text("无记录。", "No rows."),
    "supplies": Text("数据来源与到达情况", "Data: who delivered what, and when"),
    "definitions": Text("定义、方法与核验", "Definitions, method and how to verify"),
    "made": Text("本页如何生成与核验", "How this page was made and how to verify it"),
    "report": Text("报告", "Report"),
    "study": Text("研究", "Study"),
    "verify": Text("核验方法", "How to verify"),
    "code": Text("程序版本", "Code version"),
    "parameters": Text("参数", "Parameters"),
    "versions": Text("软件版本", "Software versions"),
    "inputs": Text("输入文件（SHA-256）", "Inputs (SHA-256)"),
    "other_language": Text("English", "中文"),
    "footer": Text(
        "单页自足：不访问网络，可离线阅读与打印。",
        "One self-contained file: no network access; reads and prints offline.",
    ),
}


def word(key: str, language: Language, **values: object) -> str:
    """
    One of the page's own words.

    Parameters
    ----------
    key : str
        Of `WORDS`.
    language : {"zh", "en"}
    **values
        What its placeholders stand for.
    """
    return str(vars(WORDS[key])[language]).format(**values)


PROVINCES = {
    code: Text(zh, en)
    for code, zh, en in (
        ("110000", "北京", "Beijing"), ("120000", "天津", "Tianjin"), ("130000", "河北", "Hebei"),
        ("140000", "山西", "Shanxi"), ("150000", "内蒙古", "Inner Mongolia"),
        ("210000", "辽宁", "Liaoning"), ("220000", "吉林", "Jilin"),
        ("230000", "黑龙江", "Heilongjiang"), ("310000", "上海", "Shanghai"),
        ("320000", "江苏", "Jiangsu"), ("330000", "浙江", "Zhejiang"), ("340000", "安徽", "Anhui"),
        ("350000", "福建", "Fujian"), ("360000", "江西", "Jiangxi"), ("370000", "山东", "Shandong"),
        ("410000", "河南", "Henan"), ("420000", "湖北", "Hubei"), ("430000", "湖南", "Hunan"),
        ("440000", "广东", "Guangdong"), ("450000", "广西", "Guangxi"),
        ("460000", "海南", "Hainan"), ("500000", "重庆", "Chongqing"),
        ("510000", "四川", "Sichuan"),
        ("520000", "贵州", "Guizhou"), ("530000", "云南", "Yunnan"), ("540000", "西藏", "Tibet"),
        ("610000", "陕西", "Shaanxi"), ("620000", "甘肃", "Gansu"), ("630000", "青海", "Qinghai"),
        ("640000", "宁夏", "Ningxia"), ("650000", "新疆", "Xinjiang"), ("710000", "台湾", "Taiwan"),
        ("810000", "香港", "Hong Kong"), ("820000", "澳门", "Macao"),
    )
}  # fmt: skip
