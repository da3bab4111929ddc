"""Write the formats of URIs (RFC 3986), IRIs (RFC 3987) and URI templates (RFC 6570), rule by rule."""

from __future__ import annotations

from grammars.json_schema.formats_network import IPV6

__all__ = ["IRI", "IRI_REFERENCE", "URI", "URI_REFERENCE", "URI_TEMPLATE"]

_UNRESERVED = "0-9A-Za-z._~-"
_SUB_DELIMITERS = "!$&'()*+,;="
_PERCENT = "%[0-9A-Fa-f]{2}"
_UCS = (
    "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef"
    + "".join([f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 14)])
    + "\U000e1000-\U000efffd"
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
_SCHEME = "[A-Za-z][0-9A-Za-z+.-]*"
_IP_LITERAL = rf"\[(?:{IPV6}|[Vv][0-9A-Fa-f]+\.[:{_SUB_DELIMITERS}{_UNRESERVED}]+)\]"


def _write(extra: str, private: str) -> tuple[str, str]:
    """Return the patterns of absolute identifiers and of references; ``extra`` and ``private`` extend the symbols."""
    plain = f"{_SUB_DELIMITERS}{extra}{_UNRESERVED}"
    symbol = f"(?:[:@{plain}]|{_PERCENT})"
    user = f"(?:(?:[:{plain}]|{_PERCENT})*@)?"
    name = f"(?:[{plain}]|{_PERCENT})*"
    authority = f"{user}(?:{_IP_LITERAL}|{name})(?::[0-9]*)?"
    segments = f"(?:/{symbol}*)*"
    absolute = f"/(?:{symbol}+{segments})?"
    no_colon = f"(?:[@{plain}]|{_PERCENT})+"
    query = rf"(?:\?(?:[/?:@{private}{plain}]|{_PERCENT})*)?"
    fragment = f"(?:#(?:[/?:@{plain}]|{_PERCENT})*)?"
    full = f"{_SCHEME}:(?://{authority}{segments}|{absolute}|{symbol}+{segments})?{query}{fragment}"
    relative = f"(?://{authority}{segments}|{absolute}|{no_colon}{segments})?{query}{fragment}"
    return full, f"(?:{full}|{relative})"


URI, URI_REFERENCE = _write("", "")
IRI, IRI_REFERENCE = _write(_UCS, _PRIVATE)

_LITERAL = f"(?:[!#$&'()*+,./0-9:;=?@A-Z\\[\\]_a-z~{_UCS}{_PRIVATE}-]|{_PERCENT})"
_NAME_SYMBOL = f"(?:[0-9A-Za-z_]|{_PERCENT})"
_VARIABLE = rf"{_NAME_SYMBOL}(?:\.?{_NAME_SYMBOL})*(?:\*|:[1-9][0-9]{{0,3}})?"
URI_TEMPLATE = rf"(?:{_LITERAL}|\{{[+#./;?&]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
