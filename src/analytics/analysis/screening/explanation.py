"""Why a person has a category, in words: the evidence of each rule, in order of precedence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.analysis.screening import vocabulary
from analytics.tables import contract
from analytics.tables.words import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from analytics.analysis.screening.protocols import Protocols

_FEATURES = {
    "fever_or_respiratory": ("发热或呼吸道症状", "fever or respiratory symptoms"),
    "imaging": ("影像学特征", "imaging features"),
    "lymphocytes_low": ("血象", "blood count"),
    "exposure": ("流行病学史", "exposure"),
    "classification": ("分类", "class"),
    "outcome": ("转归", "outcome"),
    "diagnosis": ("诊断", "diagnosis"),
    "nucleic_acid": ("核酸", "nucleic acid test"),
    "antibodies": ("抗体", "antibodies"),
    "temperature": ("体温", "temperature"),
    "fever": ("发热", "fever"),
    "contact": ("接触病例", "contact with case"),
}
_ANSWERS = {"yes": ("是", "yes"), "no": ("否", "no"), "unknown": ("不详", "not known")}


def explain(
    trace: Iterable[dict[str, Any]], person: str, protocols: Protocols, as_of: date
) -> list[dict[str, str]]:
    """
    Say why a person has the category they have.

    Parameters
    ----------
    trace : iterable of dict
        Rows of the MATCHES table; those of other people are passed over.
    person : str
        The purpose's pseudonym.
    protocols : Protocols
    as_of : date
        As screened.

    Returns
    -------
    list of dict
        ``zh`` and ``en`` of each line: first the category, then each rule that holds with
        its evidence (feed, record, day), the deciding one first, then what is undecided.
    """
    editions = protocols.diagnosis_on(as_of)
    words = {rule.name: rule for rule in vocabulary.rules(editions)}
    order = {name: place for place, name in enumerate(words)}
    own = [row for row in trace if row["person"] == person]
    own.sort(key=lambda r: (not r["holds"], order[r["rule"]], str(r["date"]), r["record"] or ""))
    held = [row for row in own if row["holds"]]
    category = held[0]["category"] if held else "none"
    zh, en = vocabulary.WORDS[category]
    lines = [{"zh": f"管理类别：{zh}", "en": f"managed as: {en}"}]
    groups: dict[tuple[bool, str, str], list[dict[str, Any]]] = {}
    for row in own:
        groups.setdefault((bool(row["holds"]), row["rule"], row["edition"]), []).append(row)
    for (holds, rule, edition), rows in groups.items():
        lines.append(_line(words[rule], edition, rows, holds=holds))
    return lines


def _line(
    rule: vocabulary.Rule, edition: str, rows: list[dict[str, Any]], *, holds: bool
) -> dict[str, str]:
    zh = rule.zh + (f"（第{edition}版）" if edition else "")
    en = rule.en + (f" (edition {edition})" if edition else "")
    if not holds:
        zh, en = f"尚不能判定：{zh}", f"undecided: {en}"
    evidence = [_evidence(row) for row in rows]
    return {
        "zh": f"{zh}：{'；'.join(each['zh'] for each in evidence)}",
        "en": f"{en}: {'; '.join(each['en'] for each in evidence)}",
    }


def _evidence(row: dict[str, Any]) -> dict[str, str]:
    feature = _FEATURES.get(row["feature"], (row["feature"], row["feature"]))
    value = str(row["value"] or "")
    answer = _ANSWERS.get(value, (spoken(value), value.replace("_", " ")))
    day = row["date"].isoformat() if row["date"] else "?"
    feed = contract(row["feed"])
    record = row["record"] or "—"
    return {
        "zh": f"{feature[0]} {answer[0]}，{day}，{feed.label} {record}",
        "en": f"{feature[1]} {answer[1]}, {day}, {row['feed'].replace('_', ' ')} {record}",
    }
