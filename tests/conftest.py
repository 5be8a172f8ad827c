"""In continuous integration no test may be skipped: the list of skips is compared with none."""

import os
from collections.abc import Iterator

import pytest

SKIPS: dict[str, str] = {}


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        SKIPS[report.nodeid] = why


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that skipped itself or was marked so."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a module that skipped itself whole."""
    _note(report)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Fail a run that skipped tests, if it would else have passed."""
    yield
    if SKIPS and _in_ci() and not hasattr(session.config, "workerinput") and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was skipped where nothing may be."""
    if SKIPS and _in_ci():
        terminalreporter.section("tests skipped where none may be", red=True)
        for nodeid, why in sorted(SKIPS.items()):
            terminalreporter.write_line(f"{nodeid}: {why}")
