"""HiGHS says nothing on standard output, and answers that prove nothing are refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from analytics.errors import SolverError
from analytics.methods.solver import open_highs, require_point

SOLVE = """
import sys
from analytics.methods.solver import open_highs
print("before", flush=True)
model = open_highs()
model.addVar(0, 1)
model.run()
print("after", flush=True)
"""


def test_nothing_is_printed_but_ours():
    run = subprocess.run([sys.executable, "-c", SOLVE], capture_output=True, text=True, check=True)
    assert run.stdout == "before\nafter\n"
    assert run.stderr == ""


def test_an_infeasible_programme_is_refused():
    model = open_highs()
    model.addVar(0, 1)
    model.addRow(2, 3, 1, [0], [1.0])
    model.run()
    with pytest.raises(SolverError, match="ended as Infeasible"):
        require_point(model, "the test")


def test_an_optimum_is_taken():
    model = open_highs()
    model.addVar(0, 1)
    model.run()
    assert require_point(model, "the test")
