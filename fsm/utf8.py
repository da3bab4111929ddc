"""Follow UTF-8 byte by byte, in the numbers that the kernels give to partial characters (``fsm._text_kernels``)."""

from __future__ import annotations

__all__ = ["partial_range", "read_byte", "read_bytes"]

_LEADS = ((0xC2, 0xDF, 1, 31), (0xE0, 0xEF, 2, 15), (0xF0, 0xF4, 3, 7))


def read_byte(partial: int, byte: int) -> int:
    """Return the partial character after one more byte, ``-2 - code point`` when it is whole, -1 where it is no UTF-8.

    Examples
    --------
    >>> [read_byte(0, 0x41), read_byte(read_byte(0, 0xC3), 0xA9), read_byte(0, 0x80)]
    [-67, -235, -1]
    """
    if partial == 0:
        if byte < 0x80:
            return -2 - byte
        for first, last, left, bits in _LEADS:
            if first <= byte <= last:
                return left + 16 * (byte & bits)
        return -1
    if byte & 0xC0 != 0x80:
        return -1
    left, bits = (partial & 15) - 1, (partial >> 4) << 6 | (byte & 63)
    if left:
        # After a continuation byte, smaller numbers come from overlong forms only.
        is_overlong = bits < (0x20 if left == 1 else 0x10)
        partial = left + 16 * bits
        return -1 if is_overlong or partial_range(partial) is None else partial
    return -2 - bits if bits >= 0x80 and not 0xD800 <= bits <= 0xDFFF else -1


def partial_range(partial: int) -> tuple[int, int] | None:
    """Return the first and last character that a partial one may become, None where there is none.

    Overlong forms, surrogates and numbers past U+10FFFF are no characters.
    """
    left, bits = partial & 15, partial >> 4
    first, last = bits << (6 * left), ((bits + 1) << (6 * left)) - 1
    size = left + len(read_bytes(partial))
    first, last = max(first, (0, 0, 0x80, 0x800, 0x10000)[size]), min(last, 0x10FFFF)
    if 0xD800 <= first <= last <= 0xDFFF:
        return None
    return (first, min(last, 0xD7FF) if first < 0xD800 <= last <= 0xDFFF else last) if first <= last else None


def read_bytes(partial: int) -> bytes:
    r"""Return the bytes of a partial character (``fsm._text_kernels``).

    Examples
    --------
    >>> read_bytes(2 + 16 * 0xE), read_bytes(1 + 16 * 0x2A), read_bytes(0)
    (b'\xee', b'\xe0\xaa', b'')
    """
    left, bits = partial & 15, partial >> 4
    if left == 0:
        return b""
    last = ((bits + 1) << (6 * left)) - 1
    size = 2 if last < 0x800 else 3 if last < 0x10000 else 4
    lead = (0xC0, 0xE0, 0xF0)[size - 2] | bits >> (6 * (size - left - 1))
    return bytes([lead, *(0x80 | (bits >> (6 * i)) & 63 for i in range(size - left - 2, -1, -1))])
