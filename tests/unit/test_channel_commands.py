"""The doors to channels and codes: what they print, and how they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from analytics import study
from analytics.analysis import health_code
from analytics.cli import app
from analytics.errors import ParameterError, VerificationError
from analytics.methods import tokens
from analytics.pool import figures


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None:
        raise done.exception
    return done.output


def test_opening_the_ways_out_of_wuhan_lets_infections_out():
    figures.bring(study.load("hubei-2020"))
    printed = run("channel", "whatif", "420100:road:out:checked", "--as-of", "2020-02-29")
    assert "now possible" in printed
    together = printed.splitlines()[-1]
    assert "travellers +9500" in together
    assert "infected +" in together
    with pytest.raises(ParameterError, match="given as COUNTY"):
        run("channel", "whatif", "420100:closed")
    with pytest.raises(ParameterError, match="register cannot be changed"):
        run("channel", "whatif", "420100:tram:out:closed")


def test_who_may_pass_is_told_with_the_notice():
    ways = ("--origin", "420106", "--destination", "440300")
    assert "may not pass: closed" in run("channel", "allowed", "--on", "2020-03-25", *ways)
    worker = ("--kind", "migrant_worker", "--negative-test", "--point-to-point")
    assert run("channel", "allowed", "--on", "2020-03-25", *ways, *worker).startswith("may pass")
    assert "Xinhua" in run("channel", "allowed", "--on", "2020-04-08", *ways)


def test_rules_are_listed_with_sources_and_a_fingerprint():
    printed = run("codes", "rules", "--study", "hubei-2020")
    assert "12345" not in printed
    assert "您登记为确诊病例" in printed
    assert "finance.sina.com.cn" in printed
    assert "fingerprint" in printed
    assert "no codes" in run("codes", "count", "--study", "hubei-2020")


def test_a_token_is_verified_from_a_key_file_alone(tmp_path):
    rules = health_code.rules.read(study.root() / "data/hubei-2020/health_code.toml")
    key = tokens.generate_key()
    path = tmp_path / "hubei.pem"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    now = datetime.now(UTC)
    row = {
        "code": "green", "rule": "nothing_known", "version": "2020-03-10.1",
        "since": datetime(2020, 3, 11), "changes": None,
    }  # fmt: skip
    text = health_code.certificate.issue(row, now, rules, key)
    assert "let pass" in run("codes", "verify", text, "--key", str(path))
    stale = health_code.certificate.issue(row, now - timedelta(days=2), rules, key)
    with pytest.raises(VerificationError, match="expired"):
        run("codes", "verify", stale, "--key", str(path))
