"""A log of one's own, mapped in the settings: our field ← path in the record, value of one path → type of event.

A path is a singular query of JSONPath (RFC 9535), names and indexes: `$.user.id`, `$['log.level']`, `$.roles[0]`. One
that leads nowhere leaves its field out; a value of the wrong kind is refused by the contract, with the field named.

    [[mappings]]
    name = "gateway"                     # then: format = "gateway", or --format gateway

    [mappings.fields]
    event_id = "$.id"
    time = "$['@timestamp']"
    sub = "$.user.id"
    ip = "$.client.ip"

    [mappings.type]
    path = "$.action"

    [mappings.type.values]
    login = { type = "issue", token_type = "session" }
    login_failed = { type = "verify-failure", reason = "bad-credentials" }
    ping = { }                           # known, and no token event

    [mappings.always]
    iss = "https://gateway.example"
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ingest.vendors.codes import Code, Skip, skip
from ingest.vendors.fields import Record, stated
from schemas.events import TokenEvent

_STEP: Final = re.compile(
    r"\.([A-Za-z_@\u0080-\U0010ffff][\w@-]*)|\[(?:'((?:[^'\\]|\\.)*)'|(\"(?:[^\"\\]|\\.)*\")|(\d+))\]"
)
_FIELDS: Final = frozenset(TokenEvent.model_fields)
_NEEDED: Final = ("event_id", "time")
_ANY_EVENT: Final = {"event_id": "x", "time": 0, "type": "issue"}

Steps = tuple[str | int, ...]


def steps(path: str) -> Steps:
    """Read a path as the names and indexes that lead to its value.

    Raises:
        ValueError: it is no singular query.
    """
    at, found = 1 if path.startswith("$") else 0, list[str | int]()
    while match := _STEP.match(path, at):
        name, single, double, index = match.groups()
        if index is not None:
            found.append(int(index))
        elif double is not None:
            found.append(orjson.loads(double))
        else:
            found.append(name if name is not None else re.sub(r"\\(.)", r"\1", single))
        at = match.end()
    if at != len(path) or not found:
        raise ValueError(f"{path!r} is no path from {path[at:]!r} on; write it like $.user.id or $['log.level']")
    return tuple(found)


def _path(path: str) -> str:
    steps(path)
    return path


def _fields(named: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in named:
        if name not in _FIELDS:
            raise ValueError(f"{name!r} is no field of an event; see `tokentrail schema`")
    return named


def _values(named: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the contract judge fixed values, so that no mapping can state what every event would be refused for."""
    _fields(named)
    try:
        event = TokenEvent.model_validate({**_ANY_EVENT, **named}).model_dump(include=set(named))
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    for name, value in named.items():
        if event[name] == "other" != value:
            raise ValueError(f"{name}: {value!r} is no word of that field")
    return named


def _types(values: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    for value, states in values.items():
        if states and "type" not in states:
            raise ValueError(f"{value}: say which type of event it is, or {{}} for none")
        try:
            _values(states)
        except ValueError as error:
            raise ValueError(f"{value}: {error}") from None
    return values


JsonPath = Annotated[str, AfterValidator(_path)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TypeMapping(_Part):
    """How a record says what happened."""

    path: JsonPath = Field(description="Where the record says what happened.")
    values: Annotated[dict[str, dict[str, Any]], Field(min_length=1), AfterValidator(_types)] = Field(
        description="What stands there → the fields it states, `type` first; {} for what is no token event."
    )


class MappingSettings(_Part):
    """A log of one's own: which of its values are which fields of an event."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")] = Field(description="The format that it gives.")
    fields: Annotated[dict[str, JsonPath], AfterValidator(_fields)] = Field(
        description="Our field → path; `event_id` and `time` are needed."
    )
    type: TypeMapping
    always: Annotated[dict[str, Any], AfterValidator(_values)] = Field({}, description="Fields that every event has.")

    def model_post_init(self, _: object, /) -> None:
        """Refuse a mapping whose events nothing could accept."""
        for name in _NEEDED:
            if name not in self.fields:
                raise ValueError(f"fields: {name} is needed, say where it stands")
        if "type" in self.fields or "type" in self.always:
            raise ValueError("type: it comes from [mappings.type] alone")


class Mapped:
    """Reads records by a mapping. It is chosen by its name: `auto` never takes a record for one of these."""

    title: ClassVar[str] = "a log mapped in the settings"
    codes: ClassVar[Mapping[str, Code]] = {}

    def __init__(self, mapping: MappingSettings) -> None:
        self._name = mapping.name
        self._paths = [(field, steps(path)) for field, path in mapping.fields.items()]
        self._type = steps(mapping.type.path)
        self._values = mapping.type.values
        self._always = mapping.always

    def recognises(self, record: Record) -> bool:  # noqa: ARG002 - see above
        """Never: nothing says that a record is of this kind."""
        return False

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give the one event of a record. What stands at the type's path and in no table is skipped and counted."""
        said = _found(record, self._type)
        word = str(said) if isinstance(said, str | int) else ""
        states = self._values.get(word)
        if not states:
            return skip(self._name, word, self._values, counters)
        found = {field: _found(record, path) for field, path in self._paths}
        return [stated({**self._always, **stated(found), **states})]


def _found(record: object, path: Steps) -> object:
    for step in path:
        if isinstance(record, dict) and isinstance(step, str):
            record = record.get(step)
        elif isinstance(record, list) and isinstance(step, int) and step < len(record):
            record = record[step]
        else:
            return None
    return record
