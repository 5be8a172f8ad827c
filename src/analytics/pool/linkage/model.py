"""What is compared between two records, which pairs are looked at, and the stored model."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from analytics.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

BLOCKING_KEYS = {
    "number": "number",
    "number_end": "substr(id_card, 7)",
    "name_county": "name || '|' || county",
    "phone": "phone",
    "address": "address",
    "birth_county_start": "birth || county || left(name, 1)",
    "birth_county_end": "birth || county || right(name, 1)",
    "name_birth": "name || '|' || birth",
}
"""A pair is looked at if it agrees on one of these; SQL over a standard record."""

_PHONE = "phone_l = phone_r"
_ADDRESS = "address_l = address_r"
_PHONES = "phone_l is not null and phone_r is not null"
_ADDRESSES = "address_l is not null and address_r is not null"
HOUSEHOLD = f"coalesce({_PHONE}, false) or coalesce({_ADDRESS}, false)"
"""Two records share a phone or an address, as members of one household do."""

_SMALLEST = 5e-4  # no level is ever taken to be impossible among true pairs


@dataclass(frozen=True)
class Model:
    """
    A trained model: weights of agreement and disagreement; it holds no personal value.

    Parameters
    ----------
    settings : dict
        Splink's settings with every `m` and `u`.
    threshold : float
        Probability from which a pair is linked.
    review : tuple of float
        Band of probability whose pairs go to clerical review.
    trained : dict
        Numbers of records and pairs it was trained on, and the prior.
    """

    settings: dict[str, Any]
    threshold: float
    review: tuple[float, float]
    trained: dict[str, float]

    def save(self, path: Path) -> None:
        """Write the model as JSON, whole or not at all."""
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")
        os.replace(partial, path)  # noqa: PTH105

    @classmethod
    def load(cls, path: Path) -> Model:
        """
        Read a stored model.

        Raises
        ------
        ContractError
            The file is not a model of ours.
        """
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            stored["review"] = tuple(stored["review"])
            return cls(**stored)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ContractError(
                f"linkage model '{path.name}' cannot be read",
                [type(error).__name__],
                "train one: `workbench link --train`",
            ) from None


def settings(comparisons: list[dict[str, Any]], prior: float) -> dict[str, Any]:
    """
    Splink's settings for records of several departments.

    Parameters
    ----------
    comparisons : list of dict
        From :func:`comparisons`, with or without `m` and `u`.
    prior : float
        Probability that two records of different departments are one person's.

    Returns
    -------
    dict
        Link type `dedupe_only`, as the rules themselves ask for different departments.
    """
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "position",
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [rule(f"block_{name}") for name in BLOCKING_KEYS],
        "probability_two_random_records_match": prior,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
    }


def rule(*columns: str) -> str:
    """Make the SQL of a blocking rule: these columns agree and the departments differ."""
    agree = " and ".join(f"l.{column} = r.{column}" for column in columns)
    return f"{agree} and l.department <> r.department"


def comparisons(*, households: bool = True) -> list[dict[str, Any]]:
    r"""
    Four comparisons: identity, name, contact, county.

    Parameters
    ----------
    households : bool
        Whether names have levels of their own in pairs that share a phone or address.

    Returns
    -------
    list of dict
        Splink's comparisons without `m` and `u`.

    Notes
    -----
    Numbers and birth dates are one comparison, as the one holds the other; phone and address
    are one, as members of a household share both. Given a household the weight of a name is

    .. math:: \log_2 P(n \mid H, M) / P(n \mid H, U)

    since among a household's members one surname in two agrees, among strangers one in thirty.
    """
    return [_identity(), _name(households=households), _contact(), _county()]


def fill(
    comparison: list[dict[str, Any]], chances: dict[tuple[str, str], tuple[float, float]]
) -> list[dict[str, Any]]:
    """
    Put `m` and `u` into comparisons.

    Parameters
    ----------
    comparison : list of dict
        From :func:`comparisons`.
    chances : dict
        (comparison, level) to (m, u).

    Returns
    -------
    list of dict
        The same with `m_probability` and `u_probability` in each level but the unknown.
    """
    filled = []
    for one in comparison:
        levels = []
        for level in one["comparison_levels"]:
            if level.get("is_null_level"):
                levels.append(level)
                continue
            m, u = chances[one["output_column_name"], level["label_for_charts"]]
            levels.append({**level, "m_probability": max(m, _SMALLEST), "u_probability": u})
        filled.append({**one, "comparison_levels": levels})
    return filled


def _level(label: str, sql: str, *, frequency: str = "", unknown: bool = False) -> dict[str, Any]:
    level: dict[str, Any] = {"sql_condition": sql, "label_for_charts": label}
    if frequency:
        level |= {"tf_adjustment_column": frequency, "tf_adjustment_weight": 1.0}
    if unknown:
        level["is_null_level"] = True
    return level


def _gated(gate: str, test: str) -> str:
    """Run a dear test only where a cheap one holds; SQL's AND alone does not spare it."""
    return f"(case when {gate} then {test} else false end)"


def _identity() -> dict[str, Any]:
    births = "(birth_stated_{0} is null and birth_number_{0} is null)"
    unknown = f"({births.format('l')} or {births.format('r')})"
    same_birth = " or ".join(
        f"{left}_l = {right}_r"
        for left in ("birth_stated", "birth_number")
        for right in ("birth_stated", "birth_number")
    )
    return {
        "output_column_name": "identity",
        "comparison_levels": [
            _level(
                "unknown", f"(number_l is null or number_r is null) and {unknown}", unknown=True
            ),
            _level("same number", "number_l = number_r"),
            _level("two valid numbers differ", "id_valid_l and id_valid_r"),
            _level(
                "numbers differ by a slip",
                _gated(
                    "id_card_l is not null and id_card_r is not null",
                    "hamming(id_card_l, id_card_r) <= 2",
                ),
            ),
            _level("numbers differ", "number_l is not null and number_r is not null"),
            _level("same birth date", same_birth),
            _level(
                "birth date differs by a slip",
                _gated(
                    "birth_l is not null and birth_r is not null",
                    "hamming(birth_l, birth_r) <= 2",
                ),
            ),
            _level("birth dates differ", "ELSE"),
        ],
    }


def _name(*, households: bool) -> dict[str, Any]:
    slip = _gated(
        "name_start_l = name_start_r or name_end_l = name_end_r",
        "damerau_levenshtein(name_code_l, name_code_r) <= 1",
    )
    kinds = [
        ("same", "name_l = name_r", "name"),
        ("slip in a long name", f"name_length_l > 2 and name_length_r > 2 and {slip}", ""),
        ("slip in a short name", f"surname_l = surname_r and {slip}", ""),
        ("same surname", "surname_l = surname_r", ""),
        ("different", "", ""),
    ]
    levels = [_level("unknown", "name_l is null or name_r is null", unknown=True)]
    if households:
        levels += [
            _level(
                f"household: {label}",
                f"({HOUSEHOLD}) and {sql}" if sql else HOUSEHOLD,
                frequency=frequency,
            )
            for label, sql, frequency in kinds
        ]
    levels += [_level(label, sql or "ELSE", frequency=term) for label, sql, term in kinds]
    return {"output_column_name": "name", "comparison_levels": levels}


def _contact() -> dict[str, Any]:
    near_phone = _gated(
        f"not ({_ADDRESSES}) and left(phone_l, 3) = left(phone_r, 3) "
        "and right(phone_l, 2) = right(phone_r, 2)",
        "damerau_levenshtein(phone_l, phone_r) = 1",
    )
    one_end = (  # one slip leaves one end of a long address as it is
        "(address_start_l = address_start_r or address_end_l = address_end_r "
        "or address_short_l or address_short_r)"
    )
    near_address = _gated(
        f"county_l = county_r and {_ADDRESSES} and {one_end}",
        "damerau_levenshtein(address_code_l, address_code_r) <= 1",
    )
    return {
        "output_column_name": "contact",
        "comparison_levels": [
            _level("unknown", f"not ({_PHONES}) and not ({_ADDRESSES})", unknown=True),
            _level("same phone and address", f"{_PHONE} and {_ADDRESS}"),
            _level("same address, other phone", f"{_ADDRESS} and {_PHONES}"),
            _level("same address, phone unknown", _ADDRESS),
            _level("same phone, other address", f"{_PHONE} and {_ADDRESSES}"),
            _level("same phone, address unknown", _PHONE),
            _level("address differs by a slip, other phone", f"{near_address} and {_PHONES}"),
            _level("address differs by a slip, phone unknown", near_address),
            _level("phone differs by a slip", near_phone),
            _level("both differ", f"{_PHONES} and {_ADDRESSES}"),
            _level("phone differs", _PHONES),
            _level("address differs", "ELSE"),
        ],
    }


def _county() -> dict[str, Any]:
    return {
        "output_column_name": "county",
        "comparison_levels": [
            _level("unknown", f"county_l is null or county_r is null or {HOUSEHOLD}", unknown=True),
            _level("same", "county_l = county_r", frequency="county"),
            _level("same prefecture", "prefecture_l = prefecture_r"),
            _level("different", "ELSE"),
        ],
    }
