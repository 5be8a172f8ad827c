"""Rolling-origin backtest on real series: the model earns its place, and the account is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written():
    folder = Path(os.environ["WORKBENCH_SHARED"]) / "data" / "real"
    command = [sys.executable, ROOT / "tools" / "backtest_account.py", folder]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def rows(text, title, period):
    """Ratio and coverage of the 95 % interval of the model, by horizon."""
    part = text.split(f"## {title}")[1].split("## ")[0].split(period)[1].split("\n\n\n")[0]
    found = re.findall(
        r"\| (\d+) \| damped renewal \| [\d.]+ \| ([\d.]+) \|.*?(\d+)% \| \w+ \|", part
    )
    return {int(days): (float(ratio), int(share)) for days, ratio, share in found[:2]}


def test_the_account_is_current(written):
    """docs/backtest.md is what the tool writes today."""
    assert written == (ROOT / "docs" / "backtest.md").read_text(encoding="utf-8")


def test_relative_scores_and_coverage(written):
    """At most 0.7 in Hubei after 15 February, 0.65 elsewhere, and never above the baseline."""
    late = rows(written, "Prefectures of Hubei", "origins after 15 February")
    assert all(ratio <= 0.7 for ratio, _ in late.values())
    every = {
        title: rows(written, title, "all origins")
        for title in (
            "Prefectures of Hubei", "Prefectures of Guangdong", "Provinces other than Hubei"
        )
    }  # fmt: skip
    assert all(len(found) == 2 for found in (late, *every.values()))
    assert all(ratio < 1 for ratio, _ in every.pop("Prefectures of Hubei").values())
    assert all(ratio <= 0.65 for found in every.values() for ratio, _ in found.values())


def test_intervals_hold_their_share(written):
    """90 to 98 % in the 95 % interval; more in Guangdong, where most areas have no case."""
    for title in ("Prefectures of Hubei", "Provinces other than Hubei"):
        for period in ("all origins", "origins after 15 February"):
            assert all(90 <= share <= 98 for _, share in rows(written, title, period).values())
    silent = rows(written, "Prefectures of Guangdong", "all origins")
    assert all(share >= 90 for _, share in silent.values())
