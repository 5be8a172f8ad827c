"""Reproduction numbers equal to those of R's EpiEstim (tests/golden/cori.R)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.methods import renewal
from analytics.methods.serial_interval import SerialInterval, UncertainSerialInterval

HERE = Path(__file__).parent
PARAMETERS = ["mean_si", "std_si", "mean_prior", "std_prior"]
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def estimate(incidence, expected, levels):
    """Run our estimate with one reference's parameters and windows; columns as there."""
    mean_si, std_si, mean_prior, std_prior = expected[PARAMETERS].iloc[0]
    found = renewal.reproduction_number(
        incidence["local"],
        SerialInterval(mean_si, std_si),
        imported=incidence["imported"],
        window=(expected["t_start"], expected["t_end"]),
        prior=(mean_prior, std_prior),
        levels=levels,
    )
    return np.column_stack([found.mean, found.std, found.quantiles])


@pytest.mark.parametrize("case", ["growth", "late_import", "only_imported", "first_only",
                                  "short", "huge"])  # fmt: skip
def test_posterior_equals_epiestim(case):
    """Local and imported cases, sliding and uneven windows, five sets of parameters."""
    incidence = pd.read_csv(HERE / "cori_incidence.csv").groupby("case").get_group(case)
    reference = pd.read_csv(HERE / "cori_reference.csv").groupby("case").get_group(case)
    for _, expected in reference.groupby(["windows", *PARAMETERS]):
        actual = estimate(incidence, expected, (0.025, 0.25, 0.5, 0.975))
        values = expected[["mean", "std", "q025", "q25", "median", "q975"]].to_numpy()
        np.testing.assert_allclose(actual, values, **EXACT)


def test_serial_interval_equals_discr_si():
    """Five intervals, from barely above one day to twice as wide as long."""
    reference = pd.read_csv(HERE / "serial_interval.csv")
    for (mean, std), expected in reference.groupby(["mean_si", "std_si"]):
        actual = SerialInterval(mean, std).weights(len(expected))
        np.testing.assert_allclose(actual, expected["p"], rtol=0, atol=1e-12)


def test_uncertain_interval_agrees_with_sampling():
    """EpiEstim samples the mixture; ours lies within that sampling's error."""
    incidence = pd.read_csv(HERE / "cori_incidence.csv").groupby("case").get_group("growth")
    expected = pd.read_csv(HERE / "cori_uncertain.csv")
    actual = renewal.reproduction_number(
        incidence["local"],
        UncertainSerialInterval(7.5, 2, 1.5, 13.5, 3.4, 1, 0.4, 6.4),
        imported=incidence["imported"],
        levels=(0.025, 0.5, 0.975),
        draws=1000,
    )
    np.testing.assert_allclose(actual.mean, expected["mean"], rtol=0.03)
    np.testing.assert_allclose(actual.std, expected["std"], rtol=0.05)
    np.testing.assert_allclose(actual.quantiles, expected.iloc[:, 4:], rtol=0.05)


@pytest.mark.real
def test_every_reference_case_equals_epiestim():
    """The whole set of references: quiet, late, single and sparse series, three priors."""
    folder = Path(os.environ["WORKBENCH_SHARED"]) / "reference"
    cases = pd.read_csv(folder / "cori_incidence.csv").rename(columns={"I": "local"})
    reference = pd.read_csv(folder / "cori_reference.csv")
    for (case, _, *_), expected in reference.groupby(["case", "window", *PARAMETERS]):
        incidence = cases[cases["case"] == case].assign(imported=0)
        actual = estimate(incidence, expected, (0.025, 0.5, 0.975))
        values = expected[["mean", "std", "q025", "median", "q975"]].to_numpy()
        np.testing.assert_allclose(actual, values, **EXACT)
    intervals = pd.read_csv(folder / "serial_interval_discretised.csv")
    for (mean, std), expected in intervals.groupby(["mean_si", "std_si"]):
        actual = SerialInterval(mean, std).weights(len(expected))
        np.testing.assert_allclose(actual, expected["p"], rtol=0, atol=1e-12)
