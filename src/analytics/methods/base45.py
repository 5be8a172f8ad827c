"""Base45 (RFC 9285): bytes as the characters of a QR code's alphanumeric mode."""

from __future__ import annotations

import struct

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = bytes(_ALPHABET.index(byte) if byte in _ALPHABET else 255 for byte in range(256))


def encode(content: bytes) -> str:
    """
    Encode bytes in Base45 (RFC 9285).

    Parameters
    ----------
    content : bytes
        Anything.

    Returns
    -------
    str
        Three characters for two bytes, two for a last single one.
    """
    encoded = bytearray()
    for first, second in zip(content[::2], content[1::2], strict=False):
        rest, low = divmod(first << 8 | second, 45)
        high, middle = divmod(rest, 45)
        encoded += bytes((_ALPHABET[low], _ALPHABET[middle], _ALPHABET[high]))
    if len(content) % 2:
        high, low = divmod(content[-1], 45)
        encoded += bytes((_ALPHABET[low], _ALPHABET[high]))
    return encoded.decode("ascii")


def decode(text: str) -> bytes:
    """
    Decode Base45 (RFC 9285).

    Parameters
    ----------
    text : str
        As `encode` gives it.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    ValueError
        If the text is not Base45.
    """
    values = text.encode("ascii").translate(_VALUES)
    whole, odd = divmod(len(values), 3)
    if odd == 1 or (values and max(values) == 255):  # noqa: PLR2004 (no character's value)
        raise ValueError("not Base45: a length or a character is wrong")
    end = 3 * whole
    pairs = [
        low + 45 * middle + 2025 * high
        for low, middle, high in zip(values[:end:3], values[1:end:3], values[2:end:3], strict=True)
    ]
    if pairs and max(pairs) > 0xFFFF:  # noqa: PLR2004 (two bytes)
        raise ValueError("not Base45: a group is too great")
    content = struct.pack(f">{whole}H", *pairs)
    if not odd:
        return content
    last = values[end] + 45 * values[end + 1]
    if last > 0xFF:  # noqa: PLR2004 (one byte)
        raise ValueError("not Base45: the last group is too great")
    return content + bytes((last,))
