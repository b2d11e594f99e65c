"""The reference sections: every command with its options, every setting with its values, default and meaning."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Le
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from alerts.allowed import AllowRule
from app.cli import app
from app.settings import SINK_SETTINGS, JwksSettings, Settings
from ingest.vendors.mapping import MappingSettings, TypeMapping
from schemas.inventory import KeyRecord

MEANINGS: Final = {
    "kafka.topic": "Topic of the token events.",
    "kafka.first_start": "Where reading begins while the store holds no checkpoint.",
    "kafka.security_protocol": "How brokers are spoken to.",
    "kafka.sasl_mechanism": "Needed with SASL, and only there.",
    "kafka.sasl_plain_username": "Needed with SASL; its password is `TOKENTRAIL_KAFKA_PASSWORD`.",
    "kafka.ssl_cafile": "PEM file of the authorities that sign the brokers' certificates; the system's without it.",
    "kafka.ssl_certfile": "PEM file of our certificate, for brokers that ask for one.",
    "kafka.ssl_keyfile": "PEM file of our certificate's key.",
    "kafka.ssl_check_hostname": "Whether a broker's certificate must name its host.",
    "store.checkpoint_every": "How much is judged again after a crash, at most; changes no alert.",
    "topics.partitions": "Of each topic.",
    "topics.replication_factor": "Of each topic; 3 where there are three brokers.",
    "topics.min_insync_replicas": "Of each topic; 2 where there are three brokers.",
    "topics.alert_retention": "How long alerts and dead letters stay on their topics.",
    "dashboard.host": "Address of the loopback: nobody has to log in.",
    "dashboard.port": "0 takes a free port.",
    "worker.host": "Where its health endpoint listens.",
    "sinks[file].path": "File that alerts are appended to.",
    "sinks[kafka-state].name": "Of its cursor: another name starts again at the first change.",
    "sinks[syslog].port": "6514 is that of syslog over TLS.",
    "sinks[syslog].facility": "Facility of each message; its severity is that of the alert.",
    "sinks[kafka-state].topic": "Topic of the triage states; `topics create` makes it compacted.",
}
"""What a setting means whose model does not say it."""

_BOUNDS: Final = {Ge: "≥", Gt: ">", Le: "≤"}
_UNITS: Final = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))
_WORDS: Final[Mapping[type, str]] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true, false",
    Path: "path",
    timedelta: "duration",
    AwareDatetime: "time with offset",
    IPv4Network: "address or network",
}


def commands() -> str:
    """Give a section for each command, in the order of `--help`."""
    return "\n\n".join(_command(names, command) for names, command in _leaves([], typer.main.get_command(app)))


def settings() -> str:
    """Give a section for each table of the settings file, the keys outside of any table first."""
    loose = [name for name, field in Settings.model_fields.items() if not _is_section(field) and name == "disabled"]
    parts = ["## Outside of any table\n\n" + _settings_table("", Settings, loose)]
    for name, field in Settings.model_fields.items():
        if _is_section(field):
            parts.append(_section(f"[{name}]", name, field.annotation))
    parts.append(_section("[[allow]]", "allow", AllowRule))
    for sink in SINK_SETTINGS:
        (kind,) = get_args(sink.model_fields["type"].annotation)
        parts.append(_section(f'[[sinks]] type = "{kind}"', f"sinks[{kind}]", sink))
    parts.append(_section("[[jwks]]", "jwks", JwksSettings))
    parts.append(_section("[[keys]]", "keys", KeyRecord))
    parts.append(_section("[[mappings]]", "mappings", MappingSettings))
    parts.append(_section("[mappings.type]", "mappings.type", TypeMapping))
    return "\n\n".join(parts)


def _leaves(names: list[str], command: Any) -> Iterator[tuple[list[str], TyperCommand]]:  # noqa: ANN401 - Typer's own
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from _leaves([*names, name], inner)
    else:
        yield names, command


def _command(names: Sequence[str], command: TyperCommand) -> str:
    arguments = [p for p in command.params if isinstance(p, TyperArgument)]
    options = [p for p in command.params if isinstance(p, TyperOption) and "--help" not in p.opts]
    shown = " ".join(_metavar(argument) for argument in arguments)
    needed = " ".join(f"{option.opts[0]} {(option.name or '').upper()}" for option in options if option.required)
    usage = " ".join(filter(None, ["tokentrail", *names, shown, needed, "[OPTIONS]" if options else ""]))
    parts = [f"## tokentrail {' '.join(names)}", command.help or "", f"```console\n$ {usage}\n```"]
    if arguments:
        rows = [f"| `{_metavar(argument)}` | {_cell(argument.help or '')} |" for argument in arguments]
        parts.append("\n".join(["| argument | |", "|---|---|", *rows]))
    if options:
        rows = [_option(option) for option in options]
        parts.append("\n".join(["| option | value | default | |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _metavar(argument: TyperArgument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return f"{name}…" if argument.nargs < 0 else name


def _option(option: TyperOption) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        given = "on" if option.default and option.secondary_opts else ""
        return f"| {names} | | {given} | {_cell(option.help or '')} |"
    value = _value(option.type_descriptor.annotation, {Ge: option.min, Le: option.max})
    default = "required" if option.required else _default(option.default)
    return f"| {names} | {value} | {default} | {_cell(option.help or '')} |"


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _section(title: str, place: str, model: Any) -> str:  # noqa: ANN401 - an annotation
    names = [name for name in model.model_fields if name != "type"]
    return f"## `{title}`\n\n{inspect.getdoc(model)}\n\n{_settings_table(f'{place}.', model, names)}"


def _settings_table(place: str, model: type[BaseModel], names: Sequence[str]) -> str:
    rows = [_setting(f"{place}{name}", name, model.model_fields[name]) for name in names]
    return "\n".join(["| setting | value | default | meaning |", "|---|---|---|---|", *rows])


def _setting(place: str, name: str, field: FieldInfo) -> str:
    bounds = {
        kind: getattr(bound, kind.__name__.lower())
        for kind in _BOUNDS
        for bound in field.metadata
        if isinstance(bound, kind)
    }
    default = "required" if field.is_required() else _default(field.default)
    meaning = field.description or MEANINGS[place]
    return f"| `{name}` | {_value(field.annotation, bounds)} | {default} | {_cell(meaning)} |"


def _value(annotation: Any, bounds: Mapping[type, object]) -> str:  # noqa: ANN401 - an annotation
    """Say what may stand there: words, or a kind with its bounds."""
    if get_origin(annotation) in {Union, UnionType}:
        # Networks are of two versions and written as one kind of value.
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation))
    if get_origin(annotation) in {list, tuple, frozenset}:
        return f"{_value(get_args(annotation)[0], {})}, several"
    limits = ", ".join(f"{_BOUNDS[kind]} {_written(bound)}" for kind, bound in bounds.items() if bound is not None)
    if get_origin(annotation) is dict:
        return "table"
    return f"{_WORDS[annotation]} {limits}".rstrip()


def _default(value: object) -> str:
    return "" if value is None or value in ([], (), frozenset(), {}) else f"`{_written(value)}`"


def _written(value: object) -> str:
    """Write a value as it stands in the settings file, without quotes."""
    match value:
        case bool():
            return str(value).lower()
        case timedelta():
            return _duration(value)
        case list():
            return ", ".join(map(_written, value))
        case dict():
            return ", ".join(f"{name} {_written(inner)}" for name, inner in value.items())
    return str(value)


def _duration(value: timedelta) -> str:
    for unit, length in _UNITS:
        if value and not value % length:
            return f"{value // length}{unit}"
    seconds = value.total_seconds()
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1_000:g}ms"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|")
