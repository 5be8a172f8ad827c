"""
Keyed pseudonyms: one person, one value for each use, and no way from one to the other.

An identifier is first brought to one canonical form (a 15-digit resident ID and its 18-digit
successor agree), then keyed by HMAC-SHA-256. The two pads of the key are hashed once and
the states copied, so each value costs two compressions instead of four and no set-up.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from analytics import codes
from analytics.errors import ContractError
from analytics.privacy import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa

ARCHIVE = "archive"  # the use of pseudonyms that the archive keeps

_ROWS = 65_536  # rows at a time: their bytes fit the second-level cache
_BLOCK_BYTES = 64  # block of SHA-256
_KEPT_BYTES = 16  # of 32: RFC 2104, section 5, allows half
_PLAIN = 18  # characters of a resident ID

_RESIDENT = r"^[0-9]{17}[0-9X]$"
_OLD_RESIDENT = r"^[0-9]{8}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}$"
_PSEUDONYM = r"^[0-9a-f]{32}$"
_OTHER_SHAPES = (  # an undeclared document is read off its number
    (r"^[HM][0-9]{8}([0-9]{2})?$", "mainland_permit_hk_mo"),
    (r"^[0-9]{8}([0-9]{2})?$", "mainland_permit_tw"),
    (r"^[A-Z]{3}[0-9]{12}$", "permanent_resident"),
    (r"^[A-Z]{1,2}[0-9]{6,9}$", "passport"),
)
_RESIDENT_LIKE = ("resident_id", "residence_permit", "")


def canonical(numbers: Any, documents: Any = None) -> pa.Array:
    r"""
    Bring identifiers to one form for each document.

    Parameters
    ----------
    numbers : pyarrow.Array of string, shape (n,)
        Numbers as written; full-width characters, blanks, hyphens and a lower-case check
        letter are forgiven.
    documents : pyarrow.Array of string, shape (n,), optional
        Kind of document, one of ``tables.DOCUMENTS``, or ``phone``; where null or not given
        it is read off the number.

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        18 characters for resident IDs and residence permits; ``<document>:<number>`` for
        others (issue counters of travel permits are cut off). A pseudonym of ours stays as
        it is. Null for null and blank numbers.

    Raises
    ------
    ContractError
        If the column is not text: numbers that were ever floats have lost digits.

    Notes
    -----
    The 18-digit form of a 15-digit ID has 19 before the year and the check character
    :math:`c` with :math:`\sum_i w_i d_i + c \equiv 1 \pmod{11}`. Sequence numbers 996-999,
    once kept for people born before 1900, are read as any other. A wrong check character is
    kept: repairing it could make two people one.

    References
    ----------
    GB 11643-1999, Citizen identification number. ISO/IEC 7064:2003, MOD 11-2.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = _text(numbers)
    plain = _plain(numbers)
    if plain.all():
        return numbers
    rest = pa.array(~plain)
    kinds = None if documents is None else _text(documents).filter(rest)
    return pc.replace_with_mask(numbers, rest, _rewritten(numbers.filter(rest), kinds))


def pseudonymise(numbers: Any, ring: keys.Ring, use: str, documents: Any = None) -> pa.ChunkedArray:
    r"""
    Replace identifiers by pseudonyms for one use.

    Parameters
    ----------
    numbers : pyarrow.Array or ChunkedArray of string, shape (n,)
        Identifiers. A dictionary-encoded column is keyed once per distinct value.
    ring : Ring
    use : str
        What the pseudonym is for, as a ``Purpose``; another use gives unrelated values.
    documents : same type, shape (n,), optional
        Kind of document of each, as :func:`canonical` takes it.

    Returns
    -------
    pyarrow.ChunkedArray of string, shape (n,)
        32 hexadecimal digits each; null for null.

    Notes
    -----
    .. math:: p = H(k \oplus o \,\|\, H(k \oplus i \,\|\, m))_{0:128}

    With 60 million people the chance that any two share a pseudonym is below
    :math:`10^{-23}`.

    References
    ----------
    RFC 2104 (HMAC; section 4 on keeping the pads' states, section 5 on truncation).
    """
    import pyarrow as pa

    numbers = numbers if isinstance(numbers, pa.ChunkedArray) else pa.chunked_array([numbers])
    if pa.types.is_dictionary(numbers.type) and documents is None:
        return _by_dictionary(numbers.unify_dictionaries(), ring, use)
    kinds = None if documents is None else flat(documents)
    states = _states(ring, use)
    done = []
    for start, batch in _batches(numbers):
        kind = None if kinds is None else kinds.slice(start, len(batch))
        done.append(_keyed(canonical(batch, kind), *states))
    return pa.chunked_array(done, type=pa.string())


def key(canonical_: Any, ring: keys.Ring, use: str) -> pa.ChunkedArray:
    """
    Pseudonyms, as :func:`pseudonymise` gives, of identifiers that are canonical already.

    Parameters
    ----------
    canonical_ : pyarrow string array (n,)
        None stays none.
    ring : keys.Ring
    use : str
        Purpose or other use; every use has pseudonyms of its own.

    Returns
    -------
    pyarrow.ChunkedArray (n,)
        32 hexadecimal digits each.
    """
    import pyarrow as pa

    states = _states(ring, use)
    done = [_keyed(batch, *states) for _, batch in _batches(pa.chunked_array([canonical_]))]
    return pa.chunked_array(done, type=pa.string())


def resident_18(numbers: Any) -> pa.Array:
    """Upgrade 15-digit resident IDs, shape (n,), to 18 characters; all must have 15 digits."""
    import numpy as np
    import pyarrow as pa

    digits = np.frombuffer("".join(numbers.to_pylist()).encode(), np.uint8).reshape(-1, 15)
    whole = np.empty((len(digits), _PLAIN), np.uint8)
    whole[:, :6], whole[:, 6:8], whole[:, 8:17] = digits[:, :6], list(b"19"), digits[:, 6:]
    remainder = (whole[:, :17] - ord("0")) @ np.array(codes.ID_WEIGHTS) % 11
    whole[:, 17] = np.frombuffer(codes.ID_CHECKS.encode(), np.uint8)[remainder]
    return _strings(pa, whole)


def _rewritten(numbers: pa.Array, documents: pa.Array | None) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    own = pc.match_substring_regex(numbers, _PSEUDONYM)
    cleaned = pc.utf8_upper(pc.utf8_normalize(numbers, form="NFKC"))
    cleaned = pc.replace_substring_regex(cleaned, r"[\s\-\x{2010}-\x{2015}]", "")
    cleaned = pc.if_else(pc.equal(cleaned, ""), None, cleaned)
    declared = pc.fill_null(documents, "") if documents is not None else pa.array([""] * len(own))
    old = pc.and_(
        pc.match_substring_regex(cleaned, _OLD_RESIDENT),
        pc.is_in(declared, pa.array(_RESIDENT_LIKE)),
    )
    old = pc.fill_null(old, False)  # noqa: FBT003 - positional only
    upgraded = pc.replace_with_mask(cleaned, old, resident_18(cleaned.filter(old)))
    resident = pc.match_substring_regex(upgraded, _RESIDENT)
    tagged = _tagged(upgraded, declared)
    return pc.if_else(own, numbers, pc.if_else(resident, upgraded, tagged))


def _tagged(numbers: pa.Array, declared: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    kind = declared
    for shape, name in _OTHER_SHAPES:
        fits = pc.and_(pc.equal(kind, ""), pc.match_substring_regex(numbers, shape))
        kind = pc.if_else(fits, name, kind)
    number = pc.replace_substring_regex(numbers, r"^(\+?0{0,2}86)(1[0-9]{10})$", r"\2")
    number = pc.if_else(pc.equal(kind, "phone"), number, numbers)
    for name, kept in (("mainland_permit_hk_mo", 9), ("mainland_permit_tw", 8)):
        number = pc.if_else(pc.equal(kind, name), pc.utf8_slice_codeunits(number, 0, kept), number)
    return pc.binary_join_element_wise(kind, number, ":")


def _plain(numbers: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each is 18 characters of digits, the last a digit or X: nothing to do, shape (n,)."""
    import numpy as np

    _, offsets_buffer, content = numbers.buffers()
    if not len(numbers) or content is None:
        return np.zeros(len(numbers), bool)
    offsets = np.frombuffer(offsets_buffer, np.int32)[numbers.offset :][: len(numbers) + 1]
    plain: np.ndarray[Any, np.dtype[np.bool_]] = np.diff(offsets) == _PLAIN
    if numbers.null_count:
        plain &= numbers.is_valid().to_numpy(zero_copy_only=False)
    characters = np.frombuffer(content, np.uint8)
    if plain.all():
        block = characters[offsets[0] : offsets[-1]].reshape(-1, _PLAIN)
    else:
        block = characters[offsets[:-1][plain][:, None] + np.arange(_PLAIN)]
    values, nine = block - np.uint8(ord("0")), np.uint8(9)
    worst = values[:, 0].copy()
    for position in range(1, _PLAIN - 1):
        np.maximum(worst, values[:, position], out=worst)
    plain[plain] = (worst <= nine) & ((values[:, -1] <= nine) | (block[:, -1] == ord("X")))
    return plain


def _states(ring: keys.Ring, use: str) -> tuple[Any, Any]:
    secret = keys.derive(ring, "pseudonym", use)
    return _padded(secret, 0x36), _padded(secret, 0x5C)


def _padded(secret: bytes, pad: int) -> Any:
    return hashlib.sha256(bytes(byte ^ pad for byte in secret.ljust(_BLOCK_BYTES, b"\0")))


def _keyed(numbers: pa.Array, inner: Any, outer: Any) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    known = numbers.drop_null() if numbers.null_count else numbers
    fresh_inner, fresh_outer = inner.copy, outer.copy
    digests: list[bytes] = []
    keep = digests.append
    for message in known.cast(pa.binary()).to_pylist():
        first = fresh_inner()
        first.update(message)
        second = fresh_outer()
        second.update(first.digest())
        keep(second.digest())
    whole = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
    text = whole[:, :_KEPT_BYTES].tobytes().hex().encode()
    values = _strings(pa, np.frombuffer(text, np.uint8).reshape(-1, 2 * _KEPT_BYTES))
    if not numbers.null_count:
        return values
    valid = numbers.is_valid().to_numpy(zero_copy_only=False)
    return values.take(pa.array(np.cumsum(valid) - 1, mask=~valid))


def _by_dictionary(numbers: pa.ChunkedArray, ring: keys.Ring, use: str) -> pa.ChunkedArray:
    import pyarrow as pa

    if not numbers.num_chunks:
        return pa.chunked_array([], type=pa.string())
    values = pseudonymise(numbers.chunk(0).dictionary, ring, use).combine_chunks()
    return pa.chunked_array([values.take(c.indices) for c in numbers.chunks], type=pa.string())


def _batches(numbers: pa.ChunkedArray) -> Iterator[tuple[int, pa.Array]]:
    start = 0
    for chunk in numbers.chunks:
        for first in range(0, len(chunk), _ROWS):
            batch = chunk.slice(first, _ROWS)
            yield start, batch
            start += len(batch)


def _strings(pa: Any, characters: np.ndarray[Any, np.dtype[np.uint8]]) -> pa.Array:
    """Rows of ASCII characters, shape (n, width), as text."""
    import numpy as np

    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    content = pa.py_buffer(np.ascontiguousarray(characters))
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), content)


def flat(column: Any) -> pa.Array:
    """One array of a column that may come in chunks."""
    import pyarrow as pa

    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _text(column: Any) -> pa.Array:
    import pyarrow as pa

    column = flat(column)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
            or pa.types.is_string_view(kind)):  # fmt: skip
        raise ContractError(
            f"identifiers came as {kind}, not as text",
            remedy="read the column as text from the start: other types lose digits and zeros",
        )
    return column.cast(pa.string())
