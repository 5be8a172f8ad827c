"""A code on the holder's phone: signed, short-lived, verified at a gate without any server."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from analytics.analysis.health_code.rules import Rules
from analytics.analysis.health_code.words import NAMES, expires
from analytics.codes import HealthCode
from analytics.errors import ParameterError
from analytics.methods import tokens
from analytics.study import ZONE

if TYPE_CHECKING:
    from analytics.methods.tokens import PrivateKey, PublicKey


@dataclass(frozen=True)
class Verdict:
    """
    What a gate reads off a token.

    Parameters
    ----------
    code : HealthCode
    issuer : str
        Region that answers for it.
    rule, version : str
        Rule the code came from.
    expires : datetime
        With a zone.
    words : dict of str to str
        What the guard is told, ``zh`` and ``en``.
    """

    code: HealthCode
    issuer: str
    rule: str
    version: str
    expires: datetime
    words: dict[str, str]


def issue(change: Mapping[str, Any], now: datetime, rules: Rules, key: PrivateKey) -> str:
    """
    Sign a person's code as it stands.

    Parameters
    ----------
    change : mapping
        The person's row of CODE_CHANGES in force; nothing of the person goes in.
    now : datetime
        With a zone.
    rules : Rules
    key : private key
        The issuer's.

    Returns
    -------
    str
        Text for a QR code of version 11 at most; `tokens.qr_svg` draws it.

    Raises
    ------
    ParameterError
        If the row holds no code, or begins only later.
    """
    local = now.astimezone(ZONE).replace(tzinfo=None, microsecond=0)
    if change["code"] is None or change["since"] > local:
        raise ParameterError(
            "no token can be issued: there is no code at this time",
            (),
            "the holder declares first; the code follows",
        )
    claims = tokens.Claims(
        rules.province,
        secrets.token_bytes(16),
        HealthCode(change["code"]),
        f"{change['rule']}@{change['version']}",
        local.replace(tzinfo=ZONE),
        expires(change, local, rules).replace(microsecond=0, tzinfo=ZONE),
    )
    return tokens.issue(claims, key)


def verify(text: str, keys: Mapping[bytes, PublicKey], now: datetime) -> Verdict:
    """
    Verify a token at a gate.

    Parameters
    ----------
    text : str
        What the QR code holds.
    keys : mapping
        Public keys trusted here, own and recognised provinces', as `tokens.trusted` gives them.
    now : datetime
        With a zone.

    Returns
    -------
    Verdict

    Raises
    ------
    VerificationError
        As `tokens.verify` does.
    """
    claims = tokens.verify(text, keys, now)
    rule, _, version = claims.rule.partition("@")
    zh, en = NAMES[claims.code]
    until = claims.expires.astimezone(ZONE)
    passes = claims.code == HealthCode.GREEN
    return Verdict(
        claims.code,
        claims.issuer,
        rule,
        version,
        claims.expires,
        {
            "zh": f"{zh}，{'放行' if passes else '不予放行'}；有效至{until:%Y-%m-%d %H:%M}",
            "en": f"{en}: {'let pass' if passes else 'do not let pass'}; holds until "
            f"{until:%Y-%m-%d %H:%M}",
        },
    )
