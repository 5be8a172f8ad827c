"""Feedback makes screening and linkage better, and coins tossed in its place do not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

SEEDS = range(100, 110)  # not those of the documented figure


@pytest.fixture(scope="module")
def account():
    path = Path(__file__).resolve().parents[2] / "tools" / "loop_account.py"
    spec = importlib.util.spec_from_file_location("loop_account", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["loop_account"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_twenty_days_of_feedback_gain_and_a_null_field_does_not(account):
    """Ten seeds: nobody is lost (asserted each day), gains are sure, the null run has none."""
    days = pd.concat([account.run(seed, arm) for seed in SEEDS for arm in account.ARMS])
    gains = account.compared(days).set_index(["arm", "measure"])
    for measure in ("precision", "f1"):
        assert gains.loc[("feedback", measure), "low"] > 0
        assert gains.loc[("feedback", measure), "gains"] == len(SEEDS)
        assert gains.loc[("null", measure), "mean"] < 0.01
        assert gains.loc[("null", measure), "low"] <= 0
    assert gains.loc[("feedback", "loss"), "high"] < 0
