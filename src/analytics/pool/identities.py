"""
Identity documents and phone numbers as expressions: what is sound, and its one spelling.

Resident identity numbers follow GB 11643-1999: six digits of region, eight of birth, three
of sequence, one check character by ISO 7064 MOD 11-2. The 15-digit numbers before it lack
century and check character.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import ibis

from analytics import codes

_SHAPES = {
    "mainland_permit_hk_mo": r"^[HM]\d{8}(?:\d{2})?$",
    "mainland_permit_tw": r"^\d{8}(?:\d{2}[A-Z0-9]?)?$",
    "permanent_resident": r"^[A-Z]{3}\d{12}$",
    "passport": r"^[A-Z]{0,3}\d{5,9}[A-Z]?\d{0,3}$",
}
_RESIDENT = r"^[1-9]\d{16}[\dX]$"
_FLOAT = r"^\d(?:\.\d+)?[eE]\+?\d+$"
_OLD = r"^[1-9]\d{14}$"
_PHONE = r"^(?:1[3-9]\d{9}|0\d{9,11}|400\d{7}|\+?85[23]\d{8}|\+?886\d{8,9}|(?:\+|00)[1-9]\d{6,14})$"


def _check_character(number: Any) -> Any:
    """Check character of the first 17 digits; null where they are no digits."""
    front = number.substr(0, 9).try_cast("int64")
    back = number.substr(9, 8).try_cast("int64")
    digits = [front // 10 ** (8 - place) % 10 for place in range(9)]
    digits += [back // 10 ** (7 - place) % 10 for place in range(8)]
    total = reduce(
        add, (digit * weight for digit, weight in zip(digits, codes.ID_WEIGHTS, strict=True))
    )
    return ibis.literal(codes.ID_CHECKS).substr((total % 11).cast("int64"), 1)


def _birth(number: Any) -> Any:
    text = number.substr(6, 4) + "-" + number.substr(10, 2) + "-" + number.substr(12, 2)
    return text.try_cast("date")


def bare(text: Any) -> Any:
    """Write a number in capitals, without blanks."""
    return text.upper().re_replace(r"[\s\v\-·]", "")


def checked(number: Any) -> Any:
    """Whether the 18th character is the check character of the 17 before it."""
    return (number.substr(17, 1) == _check_character(number)).fill_null(False)  # noqa: FBT003


def spelled(plain: Any) -> Any:
    """Upgrade a `bare` resident number of 15 digits to 18; leave others as they are."""
    longer = plain.substr(0, 6) + "19" + plain.substr(6, 9)
    return plain.re_search(_OLD).ifelse(longer + _check_character(longer), plain)


def document(number: Any, stated: Any) -> Any:
    """Kind of document stated, else read off the number as `spelled`; null where neither."""
    shaped = number.re_search(_RESIDENT)
    return stated.fill_null(
        ibis.cases(
            (shaped & number.re_search(r"^8[123]"), "residence_permit"),
            (shaped, "resident_id"),
            *((number.re_search(shape), kind) for kind, shape in _SHAPES.items()),
            else_=ibis.null("string"),
        )
    )


def fault(text: Any, number: Any, kind: Any, checked: Any) -> Any:
    """
    Say what is wrong with a number; null where it is sound.

    Parameters
    ----------
    text : string expression
        Number as delivered.
    number : string expression
        The same, `spelled`.
    kind : string expression
        Its `document`.
    checked : boolean expression
        Whether its check character holds, as `checked` says.
    """
    shaped = number.re_search(_RESIDENT)
    born = _birth(number).between(ibis.date(1880, 1, 1), ibis.date(2099, 12, 31)).fill_null(False)  # noqa: FBT003
    special = number.re_search(r"^8[123]")
    lost = text.re_search(_FLOAT) | (shaped & ~checked & number.endswith("000"))
    resident = kind.isin(["resident_id", "residence_permit"])
    fits = ibis.cases(
        (resident, shaped & (special == (kind == "residence_permit"))),
        *((kind == name, number.re_search(shape)) for name, shape in _SHAPES.items()),
        else_=False,
    )
    return ibis.cases(
        (text.isnull(), None),
        (lost, "digits_lost"),
        (kind.isnull(), "not_a_document_number"),
        (~fits, "not_of_this_document"),
        (resident & ~checked, "check_digit"),
        (resident & ~born, "birth_date_in_number"),
        else_=ibis.null("string"),
    )


def phone(text: Any) -> Any:
    """Phone number without blanks, and without +86 before a mobile one."""
    bare = text.re_replace(r"[\s\v()\-]", "")
    return bare.re_replace(r"^(?:\+86|0086|86)(1[3-9]\d{9})$", r"\1")


def phone_fault(text: Any, number: Any) -> Any:
    """Reason why `number` is no phone number; null where it is."""
    lost = text.re_search(_FLOAT)
    return ibis.cases(
        (text.isnull(), None),
        (lost, "digits_lost"),
        (~number.re_search(_PHONE), "not_a_phone_number"),
        else_=ibis.null("string"),
    )
