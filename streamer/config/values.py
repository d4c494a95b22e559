"""The values a config is written in, `10s`, `16MiB`, `5/s`, as types of model fields.

A file holds text only (see `document`); code may give the value itself, so `interval="10s"` in a file and `interval=10_000`
in code are one. Every parser raises ValueError with words that name the value and say what to write instead.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from msgspec import Struct
from pydantic import BeforeValidator

from streamer.clock import parse_rfc3339
from streamer.config.words import kind_of, text_of
from streamer.model import Millis

T = TypeVar("T")

_DURATION: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SIZE: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_DIGITS: Final = 15
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


class Rate(Struct, frozen=True):
    """At most `requests` requests in each `per` milliseconds."""

    requests: int
    per: Millis

    def __str__(self) -> str:
        return f"{self.requests}/{_unit(self.per, _DURATION)[1]}"

    @property
    def interval(self) -> float:
        """Milliseconds from one request to the next, evenly spread."""
        return self.per / self.requests


def text_matching(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    """A parser of text that the whole pattern must match."""

    def parse(value: object) -> str:
        text = text_of(value, what)
        if pattern.fullmatch(text) is None:
            raise ValueError(f"{text!r} is not {what} — it must match {pattern.pattern}")
        return text

    parse.__doc__ = f"{what[0].upper()}{what[1:]}: `{pattern.pattern}`"
    return parse


def parse_duration(value: object) -> Millis:
    """`250ms`, `10s`, `5m`, `12h` or `30d` as milliseconds."""
    return value if type(value) is int else _quantity(value, _DURATION, "a duration such as 10s")


def format_duration(millis: Millis) -> str:
    """The shortest text that `parse_duration` reads as `millis`."""
    return "".join(map(str, _unit(millis, _DURATION)))


def parse_size(value: object) -> int:
    """`512B`, `64KiB`, `16MiB` or `1GiB` as bytes."""
    return value if type(value) is int else _quantity(value, _SIZE, "a size such as 16MiB")


def format_size(size: int) -> str:
    """The shortest text that `parse_size` reads as `size` bytes."""
    return "".join(map(str, _unit(size, _SIZE)))


def parse_rate(value: object) -> Rate:
    """`5/s`, `100/m` or `1000/h`."""
    if isinstance(value, Rate):
        return value
    text = text_of(value, "a rate such as 5/s")
    match = re.fullmatch(r"([0-9]{1,6})/([smh])", text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a rate — write 5/s, 100/m or 1000/h")
    return Rate(requests=int(match[1]), per=_DURATION[match[2]])


def parse_time(value: object) -> Millis:
    """An RFC 3339 time with its zone, such as `2026-11-21T18:00:00Z`; as milliseconds since the Unix epoch."""
    if type(value) is int:
        return value
    text = text_of(value, "a time such as 2026-11-21T18:00:00Z")
    try:
        if _RFC3339.fullmatch(text):
            return parse_rfc3339(text.upper())
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a time with its zone — write it as 2026-11-21T18:00:00Z")


def parse_flag(value: object) -> bool:
    """`true` or `false`."""
    if isinstance(value, bool):
        return value
    text = text_of(value, "true or false")
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false — write one of them")
    return text == "true"


def parse_text(value: object) -> str:
    """Text without control characters."""
    text = text_of(value, "text")
    if not text.isprintable():
        raise ValueError("holds a control character — remove it")
    return text


def parse_user(value: object) -> str:
    """Text without control characters and without `:`."""
    username = parse_text(value)
    if ":" in username:
        raise ValueError("holds a ':', which Basic authentication (RFC 7617) cannot carry — check it")
    return username


def optional(parse: Callable[[object], T]) -> BeforeValidator:
    """Lets code say None where a file leaves the key out."""

    def parse_if_given(value: object) -> T | None:
        return None if value is None else parse(value)

    parse_if_given.__doc__ = parse.__doc__  # what the reference says of the value
    return BeforeValidator(parse_if_given)


class Range(Struct, frozen=True):
    """A parser of numbers that lie in `[low, high]`; `write` shows one as a file would say it."""

    parse: Callable[[object], int]
    low: int
    high: int
    write: Callable[[int], str] = str

    def __call__(self, value: object) -> int:
        """The number that a value stands for."""
        number = self.parse(value)
        if not self.low <= number <= self.high:
            limits = f"{self.write(self.low)} to {self.write(self.high)}"
            raise ValueError(f"{self.write(number)} is out of range — use {limits}")
        return number


def duration(low: str, high: str) -> BeforeValidator:
    """A duration of at least `low` and at most `high`."""
    return BeforeValidator(Range(parse_duration, parse_duration(low), parse_duration(high), format_duration))


def size(low: str, high: str) -> BeforeValidator:
    """A size of at least `low` and at most `high`."""
    return BeforeValidator(Range(parse_size, parse_size(low), parse_size(high), format_size))


def count(low: int, high: int) -> BeforeValidator:
    """A whole number of at least `low` and at most `high`."""
    return BeforeValidator(Range(_whole_number, low, high))


def numbers(low: int, high: int, *, most: int) -> BeforeValidator:
    """A list of at least one and at most `most` different whole numbers, each at least `low` and at most `high`."""
    number = Range(_whole_number, low, high)

    def itemwise(place: int, value: object) -> int:
        try:
            return number(value)
        except ValueError:  # not repeated: who mistakes names for ids writes names
            raise ValueError(f"item {place} is not a whole number from {low} to {high} — write digits only") from None

    def parse(value: object) -> tuple[int, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list of numbers, not {kind_of(value)}")  # noqa: TRY004  as all of pydantic's
        if not 0 < len(value) <= most:
            raise ValueError(f"holds {len(value)} numbers — name 1 to {most}, or leave the key out")
        listed = tuple(itemwise(place, each) for place, each in enumerate(value, start=1))
        if len(set(listed)) < len(listed):
            raise ValueError("holds a number twice — keep each once")
        return listed

    parse.__doc__ = f"A list of 1 to {most} numbers, such as `[{low}, {low + 1}]`"
    return BeforeValidator(parse)


Flag = Annotated[bool, BeforeValidator(parse_flag)]
Text = Annotated[str, BeforeValidator(parse_text)]
BasicUser = Annotated[str, BeforeValidator(parse_user)]


def _whole_number(value: object) -> int:
    if type(value) is int:
        return value
    text = text_of(value, "a whole number")
    if re.fullmatch(rf"[+-]?[0-9]{{1,{_DIGITS}}}", text) is None:
        raise ValueError(f"{text!r} is not a whole number — write digits only")
    return int(text)


def _quantity(value: object, units: dict[str, int], what: str) -> int:
    text = text_of(value, what)
    match = re.fullmatch(rf"([0-9]{{1,{_DIGITS}}})([A-Za-z]*)", text)
    known = ", ".join(units)
    if match is None:
        raise ValueError(f"{text!r} is not {what} — write a whole number and a unit ({known})")
    number, unit = match.groups()
    if not unit:
        raise ValueError(f"{text!r} has no unit — add one ({known}) as in {what.rpartition(' ')[2]}")
    if unit not in units:
        raise ValueError(f"{text!r} has an unknown unit {unit!r} — use one of {known}")
    return int(number) * units[unit]


def _unit(amount: int, units: dict[str, int]) -> tuple[int, str]:
    """The largest unit in which the amount is whole."""
    unit = next((unit for unit in reversed(units) if amount and amount % units[unit] == 0), next(iter(units)))
    return amount // units[unit], unit
