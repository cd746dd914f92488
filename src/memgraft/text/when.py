"""Temporal expressions: which stretch of time a text speaks of, seen from a moment.

"Last spring", "on 7 May 2023", "two weeks ago", "the Friday before 15 July" become half-open spans
of UTC time. Without a year, a date is the latest one that is not in the future: people ask a memory
about what has been. Seasons are those of the northern hemisphere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from memgraft.text import lexicon as lx

_DAY = timedelta(days=1)
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of time, `end` not in it."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def spans(text: str, now: datetime) -> list[Span]:
    """What the text speaks of, in the order of its words; nothing twice.

    Args:
        now: the moment from which "yesterday" is seen; without a time zone it counts as UTC.

    >>> noon = datetime(2024, 3, 10, 12, tzinfo=UTC)
    >>> [(s.start.date().isoformat(), s.end.date().isoformat()) for s in spans("last month", noon)]
    [('2024-02-01', '2024-03-01')]
    """
    now = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
    found: list[Span] = []
    for match in _EXPRESSION.finditer(text):
        span = _span_of(match, now)
        if span and span not in found:
            found.append(span)
    return found


def temporal_fit(wanted: Sequence[Span], moment: datetime) -> float:
    """How well a moment fits one of the spans: 1 inside; outside it falls with the distance, by
    half for each length of the span (a day at least). 0 where nothing is wanted."""
    return max((_fit(span, moment) for span in wanted), default=0.0)


def _fit(span: Span, moment: datetime) -> float:
    if moment in span:
        return 1.0
    away = span.start - moment if moment < span.start else moment - span.end
    return float(0.5 ** (away / max(span.end - span.start, _DAY)))


# The language -------------------------------------------------------------------------------

_CALENDAR, _WEEK = "janfebmaraprmayjunjulaugsepoctnovdec", "montuewedthufrisatsun"
_MONTHS = {name[:3]: _CALENDAR.index(name[:3]) // 3 + 1 for name in lx.MONTHS}
_WEEKDAYS = {name: _WEEK.index(name[:3]) // 3 for name in lx.WEEKDAYS}
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: number for number, word in enumerate(_COUNTED)} | {
    "eleven": 11, "twelve": 12, "a": 1, "an": 1, "couple": 2, "few": 3,
}  # fmt: skip

_month = "(?:" + "|".join(sorted(lx.MONTHS, key=len, reverse=True)) + r")\.?"
_weekday = "(?:" + "|".join(_WEEKDAYS) + ")"
_season = "(?:" + "|".join(_SEASONS) + ")"
_number = r"(?:\d{1,3}|(?:a )?(?:couple|few)(?: of)?|" + "|".join(_NUMBERS) + ")"
_unit = "(?:day|week|fortnight|month|year|decade)"
_day = r"\d{1,2}(?:st|nd|rd|th)?"
_year = r"(?:1[6-9]|20)\d\d"

_DATE = "|".join((
    r"(?P<iso>\d{4}-\d{2}-\d{2})",
    rf"(?P<dmy>(?P<dmy_d>{_day}) (?:of )?(?P<dmy_m>{_month})(?:,? (?P<dmy_y>{_year}))?)",
    rf"(?P<mdy>(?P<mdy_m>{_month}) (?:the )?(?P<mdy_d>{_day})(?:,? (?P<mdy_y>{_year}))?(?! ?:))",
    rf"(?P<my>(?P<my_m>{_month}),? (?:of )?(?P<my_y>{_year}))",
    rf"(?P<sy>(?P<sy_s>{_season}) (?:of )?(?P<sy_y>{_year}))",
    rf"(?P<decade>(?:the )?(?:{_year[:-4]}\d0|[2-9]0)s)",
    r"(?P<before_yesterday>(?:the )?day before yesterday)",
    r"(?P<near>yesterday|today|tomorrow|tonight|last night|this (?:morning|afternoon|evening))",
    rf"(?P<ago>(?P<ago_n>{_number}) (?P<ago_u>{_unit})s? ago)",
    rf"(?P<ahead>in (?P<ahead_n>{_number}) (?P<ahead_u>{_unit})s?)",
    rf"(?P<turn>(?P<turn_w>last|past|previous|this|next) "
    rf"(?P<turn_x>weekend|{_unit}|{_season}|{_weekday}|{_month}))",
    rf"(?P<weekday>(?:on )?(?P<weekday_x>{_weekday}))",
    rf"(?P<in_month>(?:in|during|since|until|before|after) (?P<in_month_m>{_month})"
    r"(?![.,]* (?:of )?\d{4}))",
    rf"(?P<year>(?P<year_y>{_year}))",
))  # fmt: skip
_BESIDE = (
    rf"(?P<beside>(?:the )?(?P<beside_x>day|week|weekend|month|year|{_weekday}) "
    r"(?P<beside_w>before|after|of) )"
)
_OPEN = r"(?P<open>(?:since|before|after|until|till|by) )"
_EXPRESSION = re.compile(rf"\b(?:{_BESIDE}|{_OPEN})?(?:{_DATE})\b", re.IGNORECASE)


# From words to spans ------------------------------------------------------------------------


def _span_of(match: re.Match[str], now: datetime) -> Span | None:
    """None where there is no such day: 31 February."""
    parts = {name: said.casefold() for name, said in match.groupdict().items() if said}
    try:
        span = next(make(parts, now) for name, make in _MAKERS.items() if name in parts)
        if "beside" in parts:
            return _beside(parts["beside_x"], parts["beside_w"], span)
        return _opened(parts["open"].strip(), span) if "open" in parts else span
    except (ValueError, OverflowError):
        return None


def _on_date(parts: dict[str, str], now: datetime, kind: str) -> Span:
    day = int(re.sub(r"\D", "", parts[f"{kind}_d"]))
    month = _MONTHS[parts[f"{kind}_m"][:3]]
    if f"{kind}_y" in parts:
        return _days(datetime(int(parts[f"{kind}_y"]), month, day, tzinfo=UTC), 1)
    span = _days(datetime(now.year, month, day, tzinfo=UTC), 1)
    return span if span.start <= now else _days(span.start.replace(year=now.year - 1), 1)


def _month_of(year: int, month: int, count: int = 1) -> Span:
    """Months on; the month may lie outside 1..12."""
    starts = []
    for number in (month - 1, month - 1 + count):
        starts.append(datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC))
    return Span(*starts)


def _year_of(year: int) -> Span:
    return _month_of(year, 1, 12)


def _decade(parts: dict[str, str], now: datetime) -> Span:
    year = int(re.sub(r"\D", "", parts["decade"]))
    if year < 100:
        year += now.year // 100 * 100
        year -= 100 if year > now.year else 0
    return _month_of(year, 1, 120)


def _near(parts: dict[str, str], now: datetime) -> Span:
    shift = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(parts["near"], 0)
    return _days(_midnight(now) + shift * _DAY, 1)


def _shifted(count: str, unit: str, sign: int, now: datetime) -> Span:
    """ "Two weeks ago" is a day for days, the week around that day for weeks, and so on."""
    words = re.sub(r"\bof\b", "", count).split()
    number = sign * (int(words[-1]) if words[-1].isdigit() else _NUMBERS[words[-1]])
    if unit == "day":
        return _days(_midnight(now) + number * _DAY, 1)
    if unit in ("week", "fortnight"):
        middle = _midnight(now) + number * (7 if unit == "week" else 14) * _DAY
        return _days(middle - 3 * _DAY, 7)
    if unit == "month":
        return _month_of(now.year, now.month + number)
    years = number * (10 if unit == "decade" else 1)
    return _year_of(now.year + years)


def _turn(parts: dict[str, str], now: datetime) -> Span:
    what = parts["turn_x"]
    step = {"this": 0, "next": 1}.get(parts["turn_w"], -1)
    today = _midnight(now)
    monday = today - today.weekday() * _DAY
    if what == "day":
        return _days(today + step * _DAY, 1)
    if what in ("week", "fortnight"):
        length = 7 if what == "week" else 14
        return _days(monday + step * length * _DAY, length)
    if what == "weekend":
        return _days(monday + (5 + 7 * step) * _DAY, 2)
    if what == "month":
        return _month_of(now.year, now.month + step)
    if what in ("year", "decade"):
        return _year_of(now.year + step) if what == "year" else _ten_years(now.year, step)
    if what in _WEEKDAYS:
        return _weekday_on(what, today, step)
    if what in _SEASONS:
        return _recurring(_SEASONS[what], 3, step, now)
    return _recurring(_MONTHS[what[:3]], 1, step, now)


def _ten_years(year: int, step: int) -> Span:
    return _month_of(year // 10 * 10 + 10 * step, 1, 120)


def _weekday_on(name: str, today: datetime, step: int) -> Span:
    """The last one before today, this week's, or the next one after today."""
    ahead = _WEEKDAYS[name] - today.weekday()
    if step:
        ahead = step * ((step * ahead) % 7 or 7)
    return _days(today + ahead * _DAY, 1)


def _recurring(month: int, count: int, step: int, now: datetime) -> Span:
    """A month or a season of every year: the last that is over, this year's, the next to come."""
    every = [_month_of(year, month, count) for year in range(now.year - 2, now.year + 3)]
    if step < 0:
        return max(span for span in every if span.end <= now)
    if step > 0:
        return min(span for span in every if span.start > now)
    current = [span for span in every if now in span]
    return current[0] if current else _month_of(now.year, month, count)


def _in_month(parts: dict[str, str], now: datetime) -> Span:
    month = _MONTHS[parts["in_month_m"][:3]]
    span = _month_of(now.year, month)
    span = span if span.start <= now else _month_of(now.year - 1, month)
    opening = parts["in_month"].split()[0]
    return span if opening in ("in", "during") else _opened(opening, span)


def _beside(what: str, where: str, span: Span) -> Span:
    """The week before a date, the Sunday after it, the weekend of it."""
    first, last = span.start, span.end
    if what in _WEEKDAYS:
        day = first if where == "before" else last - _DAY
        return _weekday_on(what, day, {"before": -1, "after": 1}.get(where, 0))
    if what == "weekend":
        saturday = first - (first.weekday() + 2) % 7 * _DAY
        if where == "before":
            return _days(saturday - 7 * (saturday + _DAY >= first) * _DAY, 2)
        if where == "after":
            return _days(saturday + 7 * (saturday < last) * _DAY, 2)
        return _days(saturday + 7 * (first.weekday() not in (5, 6, 0)) * _DAY, 2)
    length = {"day": 1, "week": 7, "month": 30, "year": 365}[what]
    if where == "before":
        return _days(first - length * _DAY, length)
    return _days(last if where == "after" else first, length)


def _opened(word: str, span: Span) -> Span:
    if word in ("since", "after"):
        return Span(span.start if word == "since" else span.end, _LATEST)
    return Span(_EARLIEST, span.start if word == "before" else span.end)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(start: datetime, count: int) -> Span:
    return Span(start, start + count * _DAY)


_MAKERS: dict[str, Callable[[dict[str, str], datetime], Span]] = {
    "iso": lambda parts, now: _days(datetime.fromisoformat(parts["iso"]).replace(tzinfo=UTC), 1),
    "dmy": lambda parts, now: _on_date(parts, now, "dmy"),
    "mdy": lambda parts, now: _on_date(parts, now, "mdy"),
    "my": lambda parts, now: _month_of(int(parts["my_y"]), _MONTHS[parts["my_m"][:3]]),
    "sy": lambda parts, now: _month_of(int(parts["sy_y"]), _SEASONS[parts["sy_s"]], 3),
    "decade": _decade,
    "before_yesterday": lambda parts, now: _days(_midnight(now) - 2 * _DAY, 1),
    "near": _near,
    "ago": lambda parts, now: _shifted(parts["ago_n"], parts["ago_u"], -1, now),
    "ahead": lambda parts, now: _shifted(parts["ahead_n"], parts["ahead_u"], 1, now),
    "turn": _turn,
    "weekday": lambda parts, now: _weekday_on(parts["weekday_x"], _midnight(now), -1),
    "in_month": _in_month,
    "year": lambda parts, now: _year_of(int(parts["year_y"])),
}
