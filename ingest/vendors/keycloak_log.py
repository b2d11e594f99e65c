"""Keycloak's `jboss-logging` event listener: the message `type="LOGIN", realmId="…", …` of one log record.

Keycloak puts a backslash before a quote inside a value and escapes nothing else, so a quote behind a backslash never
ends one. Users choose what stands in some values, but Keycloak's own fields come first: the first value of a name wins.

Source: JBossLoggingEventListenerProvider and StringUtil.sanitizeSpacesAndQuotes of Keycloak 26.4.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from ingest.vendors.fields import Record

EVENTS_LOGGER: Final = "org.keycloak.events"
_MARK: Final = f"[{EVENTS_LOGGER}]"
_STAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?(?=\s|$)", re.ASCII
)
_MESSAGE: Final = re.compile(r"(?:type|operationType)=")
_NAME: Final = r"([^\s=,\"']{1,80})="
_QUOTED: Final = {
    quote: re.compile(rf"{_NAME}{quote}([^{quote}]*+(?:(?<=\\){quote}[^{quote}]*+)*+){quote}(?:, |$)")
    for quote in "\"'"
}
_BARE: Final = re.compile(rf"{_NAME}((?:'[^']*'|[^,])*+)(?:, |$)")
_AROUND_QUOTED: Final = 5  # =, two quotes, and what parts a field from the next


def read_line(line: bytes) -> Record | None:
    """Read one line of Keycloak's console or file log; None where it is none of its event listener.

    Gives what the same record holds with `log-console-output=json`. A time without an offset is read as UTC.
    """
    text = line.decode("utf-8", "replace")
    before, mark, after = text.partition(_MARK)
    message = _MESSAGE.search(after) if mark else _MESSAGE.match(text)
    if message is None:
        return None
    stamp = _STAMP.search(before) if mark else None
    record = {
        "loggerName": EVENTS_LOGGER,
        "message": message.string[message.start() :].rstrip(),
        "threadName": after[: message.start()].strip() if mark else None,
    }
    if stamp is None:
        return record
    day, clock, fraction, offset = stamp.groups()
    return {
        **record,
        "timestamp": f"{day}T{clock}.{fraction or '0'}{offset or 'Z'}",
        "timestampHasOffset": offset is not None,
    }


def read_message(message: str) -> tuple[dict[str, str], bool]:
    """Give the fields of a message, and whether it was read to its end."""
    quote = message.partition("=")[2][:1]
    if quote not in _QUOTED:
        pairs, whole = _without_gap(_BARE, message)
        return {name: value.strip("'") for name, value in reversed(pairs)}, whole
    pairs = _QUOTED[quote].findall(message)
    whole = sum(len(name) + len(value) for name, value in pairs) + _AROUND_QUOTED * len(pairs) == len(message) + 2
    if not whole:
        pairs, whole = _without_gap(_QUOTED[quote], message)
    if "\\" in message:
        pairs = [(name, value.replace(f"\\{quote}", quote)) for name, value in pairs]
    return dict(reversed(pairs)), whole


def _without_gap(pattern: re.Pattern[str], message: str) -> tuple[list[tuple[str, str]], bool]:
    """Read from the start to the first place that is no field."""
    pairs, at = [], 0
    while match := pattern.match(message, at):
        pairs.append((match[1], match[2]))
        at = match.end()
    return pairs, at == len(message)


def id_of(record: Record, message: str) -> str:
    """Make the id of an event that Keycloak logs without one: the same record has the same id each time it is read."""
    parts = (record.get("timestamp"), record.get("@timestamp"), record.get("sequence"), record.get("threadName"))
    return blake2b(repr((*parts, message)).encode("utf-8", "replace"), digest_size=16).hexdigest()
