"""Write the formats of dates, times and durations as RFC 3339 defines them.

Months have their lengths and leap years their day; a leap second (``:60``) is only accepted at 23:59 UTC. Year 0000 is
left out, because Python's ``datetime`` and the usual validators have no such year.
"""

from __future__ import annotations

from functools import lru_cache

from fsm.automata.expression import Deferred, Expression, choice, sequence, text
from grammars.regex import parse_regex

__all__ = ["make_date", "make_date_time", "make_duration", "make_time"]

_LEAP_YEAR = "(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"  # 0000 is left out
_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DATE = (
    f"{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP_YEAR}-02-29"
)
_AFTER_HOUR = ((43, 43), (45, 46), (48, 58), (90, 90), (122, 122))  # + - . 0-9 : Z z
_HOUR_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_FRACTION = r"(?:\.[0-9]+)?"
_TIME = f"{_HOUR_MINUTE}:[0-5][0-9]{_FRACTION}(?:[Zz]|[+-]{_HOUR_MINUTE})"
_DAY_TIME = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DAYS = "(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)"
_DURATION = f"P(?:{_DAYS}(?:{_DAY_TIME})?|{_DAY_TIME}|[0-9]+W)"


def make_date() -> Expression:
    """Return ``full-date``."""
    return parse_regex(_DATE)


def make_time() -> Expression:
    """Return ``full-time``."""
    return choice([parse_regex(_TIME), _make_leap_second()])


def make_date_time() -> Expression:
    """Return ``date-time``."""
    return sequence([make_date(), parse_regex("[Tt]"), make_time()])


def make_duration() -> Expression:
    """Return ``duration`` of RFC 3339, appendix A."""
    return parse_regex(_DURATION)


def _make_leap_second() -> Expression:
    """Return the times of day whose offset puts their minute at 23:59 UTC: 1,440 cases, built as they are reached."""
    return choice([sequence([text(f"{hour:02}:"), _defer_minutes(hour)]) for hour in range(24)])


def _defer_minutes(hour: int) -> Expression:
    return Deferred(lambda: _make_minutes(hour), 6, None, ranges=_AFTER_HOUR)


def _make_minutes(hour: int) -> Expression:
    return choice([sequence([text(str(tens)), _make_units(hour, tens)]) for tens in range(6)])


def _make_units(hour: int, tens: int) -> Expression:
    minutes = range(10 * tens, 10 * tens + 10)
    return Deferred(
        lambda: choice([_make_leap_minute(hour, minute) for minute in minutes]), 5, None, ranges=_AFTER_HOUR
    )


def _make_leap_minute(hour: int, minute: int) -> Expression:
    offsets = [text(f"-{23 - hour:02}:{59 - minute:02}")]
    later = 60 * hour + minute + 1
    if later < 24 * 60:
        offsets.append(text(f"+{later // 60:02}:{later % 60:02}"))
    else:
        offsets.append(parse_regex("[Zz]|[+]00:00"))
    return sequence([text(f"{minute % 10}:60"), _make_fraction(), choice(offsets)])


@lru_cache(maxsize=1)
def _make_fraction() -> Expression:
    return parse_regex(_FRACTION)
