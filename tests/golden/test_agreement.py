"""The committed table of agreements is what the data say."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def test_agreement_page_is_up_to_date():
    path = Path(__file__).with_name("agreement.py")
    spec = importlib.util.spec_from_file_location("agreement_page", path)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.PAGE.read_text(encoding="utf-8") == page.text()
