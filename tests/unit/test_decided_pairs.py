"""Answers about pairs of records, as linkage takes them up."""

from __future__ import annotations

import pyarrow as pa

from analytics.loop import feedback
from analytics.pool import linkage


def outcome(subject, status, asks="same_person"):
    return {"subject": subject, "status": status, "asks": asks, "question": subject + status}


def test_answers_become_pairs_and_contradictions_none():
    outcomes = pa.Table.from_pylist([
        outcome("cases:7|roaming:a|b", "confirmed"),
        outcome("cases:8|roaming:9", "refuted"),
        outcome("cases:1|roaming:2", "confirmed"),
        outcome("cases:1|roaming:2", "refuted"),
        outcome("cases:3|roaming:4", "unreachable"),
        outcome("person-key", "confirmed", asks="contact"),
    ])  # fmt: skip
    found = feedback.decided_pairs(outcomes)
    assert found.schema.names == linkage.DECIDED.names
    assert found.to_pylist() == [
        dict(zip(linkage.DECIDED.names, ("cases", "7", "roaming", "a|b", True), strict=True)),
        dict(zip(linkage.DECIDED.names, ("cases", "8", "roaming", "9", False), strict=True)),
    ]
