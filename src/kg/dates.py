"""Imprecise dates: EDTF level 1 as a curator writes it, its two bounds, and its wording for a reader."""

from __future__ import annotations

import calendar
import datetime
import functools
import re
from dataclasses import dataclass

from babel import Locale, UnknownLocaleError
from babel.dates import get_month_names

from kg.messages import say, translator

__all__ = ["EDTF", "Bounds", "bounds", "day_number", "in_words", "loosely"]

#: The datatype of a date written in EDTF (Library of Congress, Extended Date/Time Format datatypes).
EDTF = "http://id.loc.gov/datatypes/edtf/EDTF"

# EDTF level 1 (ISO 8601-2:2019, annex A). The edtf package also reads level 2 and guesses bounds for
# unknown ends of intervals, so the form is checked here first and each end of an interval is read alone.
_DATE = re.compile(
    r"""(?P<year>-?\d{4} | -?\d{3}X | -?\d{2}XX | Y-?\d{5,9})
        (?: - (?P<month>\d{2}|XX) (?: - (?P<day>\d{2}|XX) )? )?
        (?P<doubt>[?~%])?""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"(?!0000)\d{4}(?:-(?:0\d|1[0-2])(?:-\d\d)?)?[?~%]?", re.ASCII)
_SEASONS = ("21", "22", "23", "24")
_EXPECTED = say('an EDTF level 1 date such as "2018", "2018-09", "2016-03/..", "2009~" or "198X"')


@dataclass(frozen=True, slots=True)
class Bounds:
    """The earliest and the latest day a date can mean, as xsd:date texts; None where it is open or unknown."""

    earliest: str | None
    latest: str | None


def _day(time: tuple[int, ...]) -> str:
    year, month, day = time[:3]
    sign = "-" if year < 0 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"


def _exists(year: str, month: str | None, day: str | None) -> bool:
    """Tell whether the calendar and level 1 have such a date; the edtf package takes 1900-02-29 and level 2."""
    if month is None or month in _SEASONS:
        return day is None
    if month == "XX":
        return day in (None, "XX")
    if not 1 <= int(month) <= 12:
        return False
    if day in (None, "XX"):
        return True
    leap = year.endswith("X") or calendar.isleap(int(year.lstrip("Y")))
    return 1 <= int(day) <= calendar.monthrange(2000 if leap else 2001, int(month))[1]


@functools.cache
def bounds(text: str) -> Bounds:
    """Return the bounds of an EDTF level 1 date or interval.

    Approximate and uncertain dates keep the bounds of what is written: "2009~" is all of 2009. An interval runs
    from the earliest day of its first date to the latest day of its last. Raises ValueError that says what was
    expected.
    """
    if "/" in text:
        first, _, last = text.partition("/")
        if (first in ("", "..") and last in ("", "..")) or "/" in last:
            raise ValueError(_EXPECTED)
        start = Bounds(None, None) if first in ("", "..") else bounds(first)
        end = Bounds(None, None) if last in ("", "..") else bounds(last)
        # Whole dates of four-digit years compare as texts; the others are left to the shapes.
        if start.earliest and end.latest and not {text[0], last[0]} & {"-", "Y"} and start.earliest > end.latest:
            raise ValueError(say("an interval that ends after it starts"))
        return Bounds(start.earliest, end.latest)
    match = _DATE.fullmatch(text)
    if match is None or not _exists(match["year"], match["month"], match["day"]):
        raise ValueError(_EXPECTED)

    if _PLAIN.fullmatch(text):  # nearly every date there is; the package takes milliseconds for each
        year, month, day = (int(match[part] or 0) for part in ("year", "month", "day"))
        days = calendar.monthrange(year, month or 12)[1]
        return Bounds(_day((year, month or 1, day or 1)), _day((year, month or 12, day or days)))

    from edtf import EDTFParseException, parse_edtf  # its grammar takes a while to load

    try:
        date = parse_edtf(text)
        return Bounds(_day(date.lower_strict()), _day(date.upper_strict()))
    except (EDTFParseException, ValueError, OverflowError) as error:
        raise ValueError(_EXPECTED) from error


def day_number(day: str) -> int:
    """Return a number by which days sort, those before our era too, for an xsd:date text.

    >>> day_number("-0044-03-15") < day_number("0044-03-15") < day_number("0044-03-16")
    True
    """
    sign = -1 if day.startswith("-") else 1
    year, month, date = day.removeprefix("-").split("-")[:3]
    return (sign * int(year) * 12 + int(month)) * 32 + int(date[:2])


@functools.cache
def loosely(text: str) -> Bounds:
    """Return the bounds of a date, wider by one of its smallest unit where it is approximate or uncertain.

    >>> loosely("2009~"), loosely("2009")
    (Bounds(earliest='2008-01-01', latest='2010-12-31'), Bounds(earliest='2009-01-01', latest='2009-12-31'))
    """
    found = bounds(text)
    if "/" in text:
        first, last = (Bounds(None, None) if end in ("", "..") else loosely(end) for end in text.split("/"))
        return Bounds(first.earliest, last.latest)
    match = _DATE.fullmatch(text)
    if match is None or not match["doubt"] or found.earliest is None or found.latest is None:
        return found
    return Bounds(_moved(found.earliest, match, -1), _moved(found.latest, match, 1))


def _moved(day: str, match: re.Match[str], by: int) -> str:
    """Return a day moved by one of the smallest unit that a date is written to; the ends of months stay ends."""
    year_text, month_text, day_text = day.rsplit("-", 2)
    year, month, number = int(year_text), int(month_text), int(day_text)
    if match["day"] not in (None, "XX"):
        if 1 < year < 9999:
            return (datetime.date(year, month, number) + datetime.timedelta(days=by)).isoformat()
        return day
    if match["month"] not in (None, "XX"):
        months = year * 12 + month - 1 + by
        year, month = months // 12, months % 12 + 1
    else:
        year += by * 10 ** match["year"].count("X")
    # Every fourth year of the proleptic calendar will do where no date has such a year.
    last = calendar.monthrange(year if 1 <= year <= 9999 else 2000 + year % 4, month)[1]
    return _day((year, month, 1 if by < 0 else last))


def _is_day(text: str) -> bool:
    match = _DATE.fullmatch(text)
    return match is not None and match["day"] not in (None, "XX")


def _without_what_follows(start: str, end: str) -> str:
    """Return the words of a first date without the month and year that the last one says again at its end."""
    words, others = start.split(), end.split()
    while len(words) > 1 and len(others) > 1 and words[-1] == others[-1]:
        del words[-1], others[-1]
    return " ".join(words)


@functools.cache
def _months(language: str) -> dict[int, str]:
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    return dict(get_month_names("wide", locale=locale))


def in_words(text: str, language: str, *, sometime: bool = False) -> str:
    """Return an EDTF level 1 date as a reader of the language would say it; anything else comes back as it is.

    With `sometime` an interval is the time within which something happened, and else how long it lasted. One from day
    to day is told by its days in either case: what is dated so, as a conference, takes some.

    >>> in_words("2018-09", "en"), in_words("2018-09", "fr"), in_words("2016-03/..", "en")
    ('September 2018', 'septembre 2018', 'since March 2016')
    >>> in_words("2009/2010", "en"), in_words("2009/2010", "en", sometime=True)
    ('2009 to 2010', 'between 2009 and 2010')
    """
    _ = translator(language)
    if "/" in text:
        first, _slash, last = text.partition("/")
        if "/" in last:
            return text
        start, end = in_words(first, language), in_words(last, language)
        if sometime and last in ("", ".."):
            return _("%(start)s or later") % {"start": start}
        if sometime and first in ("", ".."):
            return _("%(end)s or earlier") % {"end": end}
        if last == "..":
            return _("since %(start)s") % {"start": start}
        if first == "..":
            return _("until %(end)s") % {"end": end}
        if not first:
            return _("until %(end)s, beginning unknown") % {"end": end}
        if not last:
            return _("from %(start)s, end unknown") % {"start": start}
        start = _without_what_follows(start, end)
        if sometime and not (_is_day(first) and _is_day(last)):
            return _("between %(start)s and %(end)s") % {"start": start, "end": end}
        return _("%(start)s to %(end)s") % {"start": start, "end": end}
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    year, month, day, doubt = match["year"].lstrip("Y"), match["month"], match["day"], match["doubt"]
    if year.endswith("X") and year.startswith("-"):
        return text
    if year.endswith("XX"):
        said = _("the years %(first)s to %(last)s") % {"first": year.replace("X", "0"), "last": year.replace("X", "9")}
    elif year.endswith("X"):
        said = _("the %(year)ss") % {"year": year.replace("X", "0")}
    else:
        # EDTF counts a year 0, which is 1 BCE, so -0044 is 45 BCE.
        number = int(year)
        said = str(number) if number > 0 else _("%(year)s BCE") % {"year": 1 - number}
        if month in _SEASONS:
            seasons = (_("spring %(year)s"), _("summer %(year)s"), _("autumn %(year)s"), _("winter %(year)s"))
            said = seasons[_SEASONS.index(month)] % {"year": said}
        elif month and month != "XX":
            if not 1 <= int(month) <= 12:
                return text
            parts = {"month": _months(language)[int(month)], "year": said}
            if day == "01":
                said = _("1 %(month)s %(year)s") % parts
            elif day and day != "XX":
                said = _("%(day)s %(month)s %(year)s") % {**parts, "day": int(day)}
            else:
                said = _("%(month)s %(year)s") % parts
    if doubt == "?":
        return _("perhaps %(date)s") % {"date": said}
    if doubt == "~":
        return _("around %(date)s") % {"date": said}
    if doubt == "%":
        return _("perhaps around %(date)s") % {"date": said}
    return said
