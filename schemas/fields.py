"""Field types of a token event: what a value may look like, and which frame column it becomes.

Each type is `Annotated` with its validators (the contract of one value) and one column marker (`Key`, `Time`, …) from
which `schemas.columns` derives the frame. All times are µs since the Unix epoch, UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

MAX_TEXT_CHARS: Final = 1024
MAX_ID_BYTES: Final = 256
MAX_LIST_ITEMS: Final = 256
MAX_ACTORS: Final = 4
MAX_RECORD_BYTES: Final = 64 * 1024
NUL_CHARACTER: Final = "nul_character"
ID_TOO_LONG: Final = "id_too_long"
"""Types of the validation errors that have a dead-letter reason of their own."""
PLACEHOLDERS: Final = frozenset({"", "-", "null", "none", "unknown", "anonymous", "n/a", "not available"})
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
LATEST_TIME: Final = (datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
MILLISECONDS_FROM: Final = 100_000_000_000  # as seconds this number would be the year 5138

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """A 64-bit keyed hash; `scoped` by (tenant, iss) unless the value means the same everywhere. Null is 0."""

    scoped: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """Kept as text only; `verbatim`: placeholders too, since one of them is a word of the field."""

    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Time:
    """int64 µs since the epoch. Null is the smallest int64."""


@dataclass(frozen=True, slots=True)
class Number:
    """A NumPy number with a null of its own."""

    dtype: str
    null: float


@dataclass(frozen=True, slots=True)
class Code:
    """int8 position in a vocabulary. Null is -1.

    An unknown word becomes `other` (or `unknown`), unless the vocabulary is `closed`: then it is an error.
    """

    vocabulary: type[StrEnum]
    closed: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Put the reading of words before the enum's own validation."""
        read = placeholder_to_null if self.closed else partial(word_of, self.vocabulary)
        return core_schema.no_info_before_validator_function(read, handler(source))


@dataclass(frozen=True, slots=True)
class Flags:
    """uint8 bit mask over a vocabulary; unknown words set the bit of `other`. Null is 0."""

    vocabulary: type[StrEnum]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Accept one word for a list of one, and read each word."""
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def _read(self, value: object) -> object:
        words = one_or_many(value)
        if isinstance(words, list):
            return [word_of(self.vocabulary, word) for word in words]
        return words


@dataclass(frozen=True, slots=True)
class Country:
    """int16: the two letters of ISO 3166-1 alpha-2 as one number. Null is 0."""


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError(NUL_CHARACTER, "contains a NUL character")
    return value


def _within_id_bound(value: str) -> str:
    size = len(value.encode("utf-8", "surrogatepass"))
    if size > MAX_ID_BYTES:
        bounds = {"size": size, "limit": MAX_ID_BYTES}
        raise PydanticCustomError(ID_TOO_LONG, "id has {size} bytes, at most {limit} are allowed", bounds)
    return value


def placeholder_to_null(value: object) -> object:
    """Turn what logs write for "nobody" into null, so that strangers never form a group."""
    if isinstance(value, str) and value.strip().casefold() in PLACEHOLDERS:
        return None
    return value


def word_of(vocabulary: type[StrEnum], value: object) -> object:
    """Read a word of an open vocabulary: what it does not know becomes `other`, or `unknown`.

    The URN forms of OAuth grant types count by their last part. A word of the vocabulary is never a placeholder.
    """
    known = vocabulary.__members__.values()
    if value in known:
        return value
    value = placeholder_to_null(value)
    if not isinstance(value, str):
        return value
    word = value.rsplit(":", 1)[-1] if value.startswith("urn:") else value
    if word in known:
        return word
    return "other" if "other" in known else "unknown"


def micros(duration: timedelta) -> int:
    """Give a duration in µs, the unit of every time in the frame."""
    return duration // MICROSECOND


def since_epoch(moment: datetime) -> int:
    """Give an instant in µs since the epoch. Raises TypeError if it is naive."""
    return micros(moment - EPOCH)


def parse_time(value: object) -> int:
    """Read a time as µs since the epoch.

    Args:
        value: RFC 3339 text with offset (fraction cut at µs), or a number: epoch seconds, from 1e11 on milliseconds.

    Raises:
        ValueError: the text is naive or no RFC 3339, or the time lies outside 1970 to 2200.
    """
    if isinstance(value, str):
        micros = _micros_of_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        scale = 1_000 if abs(value) >= MILLISECONDS_FROM else 1_000_000
        if not abs(value) < float(LATEST_TIME):
            raise ValueError("time is not a finite number of seconds or milliseconds")
        micros = value * scale if isinstance(value, int) else round(value * scale)
    else:
        raise ValueError("time must be RFC 3339 text, or epoch seconds or milliseconds")  # noqa: TRY004 - pydantic reports ValueError only
    if not 0 <= micros < LATEST_TIME:
        raise ValueError("time lies outside 1970 to 2200")
    return micros


def _micros_of_text(value: str) -> int:
    match = _RFC3339.fullmatch(value)
    if match is None:
        raise ValueError("time must be RFC 3339 with an offset such as 2026-01-31T12:00:00Z")
    date, clock, fraction, offset = match.groups()
    moment = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if offset in 'zZ' else offset}")
    return since_epoch(moment) + int((fraction or "0").ljust(6, "0")[:6])


def format_time(micros: int) -> str:
    """Write µs since the epoch as RFC 3339 in UTC with milliseconds, or microseconds where they matter."""
    spec = "milliseconds" if micros % 1_000 == 0 else "microseconds"
    return (EPOCH + timedelta(microseconds=micros)).isoformat(timespec=spec).replace("+00:00", "Z")


def pack_country(value: str) -> int:
    """Pack an ISO 3166-1 alpha-2 code into an int16."""
    return (ord(value[0]) << 8) | ord(value[1])


def unpack_country(packed: int) -> str | None:
    """Undo `pack_country`; 0 is null."""
    return chr(packed >> 8) + chr(packed & 0xFF) if packed else None


def normal_ip(value: str) -> str:
    """Write an IP address in its normal form; IPv4 mapped into IPv6 as IPv4.

    Raises:
        ValueError: it is none.
    """
    address = ip_address(value)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def one_or_many(value: object) -> object:
    """Read a single string as a list of one."""
    return [value] if isinstance(value, str) else value


def _scope_words(value: object) -> object:
    return value.split() if isinstance(value, str) else value


_Bounded = Annotated[str, Field(max_length=MAX_TEXT_CHARS), AfterValidator(_without_nul)]
_Id = Annotated[str, Field(min_length=1), AfterValidator(_without_nul), AfterValidator(_within_id_bound)]
_TIME_SCHEMA = WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0}]})


def _strings_schema(max_items: int) -> WithJsonSchema:
    many = {"type": "array", "items": {"type": "string"}, "maxItems": max_items}
    return WithJsonSchema({"anyOf": [{"type": "string"}, many, {"type": "null"}]})


EventId = Annotated[_Id, Text()]
Micros = Annotated[int, BeforeValidator(parse_time), _TIME_SCHEMA, Time()]
OptionalMicros = Annotated[Annotated[int, BeforeValidator(parse_time), _TIME_SCHEMA] | None, Time()]
ScopedId = Annotated[_Id | None, BeforeValidator(placeholder_to_null), Key()]
GlobalId = Annotated[_Id | None, BeforeValidator(placeholder_to_null), Key(scoped=False)]
VerbatimText = Annotated[_Bounded | None, Text(verbatim=True)]
OptionalText = Annotated[_Bounded | None, BeforeValidator(placeholder_to_null), Text()]
UserAgent = Annotated[
    Annotated[
        str,
        BeforeValidator(lambda value: value[:MAX_TEXT_CHARS] if isinstance(value, str) else value),
        AfterValidator(_without_nul),
    ]
    | None,
    BeforeValidator(placeholder_to_null),
    Text(),
]
Ip = Annotated[
    Annotated[str, AfterValidator(normal_ip)] | None,
    BeforeValidator(placeholder_to_null),
    Key(scoped=False),
]
CountryCode = Annotated[
    Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None,
    BeforeValidator(placeholder_to_null),
    Country(),
]
Strings = Annotated[
    Annotated[list[_Bounded], Field(max_length=MAX_LIST_ITEMS)] | None,
    BeforeValidator(one_or_many),
    _strings_schema(MAX_LIST_ITEMS),
    Text(),
]
Actors = Annotated[
    Annotated[list[_Bounded], Field(max_length=MAX_ACTORS)] | None,
    BeforeValidator(one_or_many),
    _strings_schema(MAX_ACTORS),
    Text(),
]
Scopes = Annotated[
    Annotated[list[_Bounded], Field(max_length=MAX_LIST_ITEMS)] | None,
    BeforeValidator(_scope_words),
    _strings_schema(MAX_LIST_ITEMS),
    Text(),
]
