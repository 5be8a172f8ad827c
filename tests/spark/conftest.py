"""One Spark and one DuckDB for all tests of their equality."""

from __future__ import annotations

import pytest

from analytics import engine


def pytest_configure(config):
    """Let PySpark leave the sockets through which rows come and go to the collector."""
    for said in (
        "ignore:unclosed <socket:ResourceWarning",
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning",
    ):
        config.addinivalue_line("filterwarnings", said)


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """Spark with two threads; Java 17 must be there."""
    spill = tmp_path_factory.mktemp("spill")
    connection = engine.connect("spark", spill=spill, memory="2GB", threads=2)
    yield connection
    connection.disconnect()


@pytest.fixture(scope="session")
def duck():
    return engine.connect()
