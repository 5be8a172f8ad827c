"""Hotels outside the province: counted by city, whatever their districts are called."""

from __future__ import annotations

import hashlib

import pytest
from tests import pool_study

from analytics import study as studies
from analytics.pool import figures, published, staging

LISTED = """province,city,taking
湖南省,长沙市-岳麓区,5
湖南省,长沙市,4
湖南省,各区县疾控中心,3
海南省,,2
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    chosen = pool_study.make(monkeypatch, tmp_path)
    (tmp_path / "hotels.csv").write_text(LISTED, encoding="utf-8")
    entry = {"file": "hotels.csv", "feed": "hotels_elsewhere", "count": "taking",
             "sha256": hashlib.sha256(LISTED.encode()).hexdigest()}  # fmt: skip
    monkeypatch.setattr(staging, "fetched", lambda _: [(tmp_path / "hotels.csv", entry)])
    return chosen


@pytest.mark.slow
def test_hotels_of_one_city_are_summed_and_a_place_that_is_none_is_set_aside(study):
    figures.bring(study, lambda *_: None)
    known = published.hotels(study, studies.moment(study.as_of))
    assert known.set_index("region")["hotels"].to_dict() == {"430100": 9, "460000": 2}
    (receipt,) = (study.state / "receipts").rglob("hotels_elsewhere*rejects.csv")
    assert "unknown_region" in receipt.read_text(encoding="utf-8")
