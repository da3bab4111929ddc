"""Write the formats of addresses and host names: IPv4, IPv6, RFC 1123 names, RFC 5321 mailboxes."""

from __future__ import annotations

from fsm.dfa import Dfa, intersect, string_lengths
from grammars.regex import regex_dfa

__all__ = ["IPV4", "IPV6", "make_email", "make_hostname", "make_idn_email"]

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = rf"(?:{_OCTET}(?:\.{_OCTET}){{3}})"
_H16 = "[0-9A-Fa-f]{1,4}"
_LS32 = f"(?:{_H16}:{_H16}|{IPV4})"
IPV6 = (
    "(?:"
    f"(?:{_H16}:){{6}}{_LS32}"
    f"|::(?:{_H16}:){{5}}{_LS32}"
    f"|(?:{_H16})?::(?:{_H16}:){{4}}{_LS32}"
    f"|(?:{_H16}(?::{_H16}){{0,1}})?::(?:{_H16}:){{3}}{_LS32}"
    f"|(?:{_H16}(?::{_H16}){{0,2}})?::(?:{_H16}:){{2}}{_LS32}"
    f"|(?:{_H16}(?::{_H16}){{0,3}})?::{_H16}:{_LS32}"
    f"|(?:{_H16}(?::{_H16}){{0,4}})?::{_LS32}"
    f"|(?:{_H16}(?::{_H16}){{0,5}})?::{_H16}"
    f"|(?:{_H16}(?::{_H16}){{0,6}})?::"
    ")"
)

_ALNUM, _LDH = "[0-9A-Za-z]", "[0-9A-Za-z-]"
_ANY_LABEL = f"{_ALNUM}(?:{_LDH}{{0,61}}{_ALNUM})?"
# A label that starts with "xn--" holds Punycode, which must decode to an allowed name; no finite automaton of
# reasonable size checks that, so such labels are left out.
_LABEL = (
    f"(?:[0-9A-WYZa-wyz](?:{_LDH}{{0,61}}{_ALNUM})?"
    f"|[Xx](?:(?:[0-9A-MO-Za-mo-z](?:{_LDH}{{0,60}}{_ALNUM})?|-{_LDH}{{0,60}}{_ALNUM})?"
    f"|[Nn](?:{_ALNUM}(?:{_LDH}{{0,59}}{_ALNUM})?|-{_ALNUM}(?:{_LDH}{{0,58}}{_ALNUM})?)?))"
)

_ATEXT = "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]"
_DOMAIN = rf"{_ANY_LABEL}(?:\.{_ANY_LABEL})*"
_LITERAL = rf"\[(?:{IPV4}|[Ii][Pp][Vv]6:{IPV6})\]"
_NON_ASCII = "\u0080-\ud7ff\ue000-\U0010ffff"


def make_hostname() -> Dfa:
    """Return RFC 1123 host names: labels of 1 to 63, 253 in all."""
    return intersect(regex_dfa(rf"{_LABEL}(?:\.{_LABEL})*"), string_lengths(1, 253))


def make_email() -> Dfa:
    """Return RFC 5321 mailboxes; the local part has at most 64 characters, the domain at most 255."""
    local = rf"(?:{_ATEXT}+(?:\.{_ATEXT}+)*|\"(?:[ !#-\[\]-~]|\\[ -~])*\")"
    mailbox = regex_dfa(f"{local}@(?:{_DOMAIN}|{_LITERAL})")
    return intersect(mailbox, regex_dfa("[ -~]{1,64}@[!-?A-~]{1,255}"))


def make_idn_email() -> Dfa:
    """Return RFC 6531 mailboxes. The local part has at most 64 octets.

    Octets are counted as if all characters were as long as the longest kind in use, which leaves out some names of
    mixed scripts between 16 and 64 characters.
    """
    symbol = f"[{_NON_ASCII}{_ATEXT[1:]}"
    local = rf"(?:{symbol}+(?:\.{symbol}+)*|\"(?:[ !#-\[\]-~{_NON_ASCII}]|\\[ -~])*\")"
    label = f"[0-9A-Za-z{_NON_ASCII}](?:[0-9A-Za-z{_NON_ASCII}-]{{0,61}}[0-9A-Za-z{_NON_ASCII}])?"
    mailbox = regex_dfa(rf"{local}@(?:{label}(?:\.{label})*|{_LITERAL})")
    octets = "(?:[ -~]{1,64}|[ -\u07ff]{1,32}|[ -\uffff]{1,21}|[ -\U0010ffff]{1,16})"
    return intersect(mailbox, regex_dfa(f"{octets}@[^@]{{1,255}}"))
