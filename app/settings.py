"""Settings: one TOML file, unknown keys refused, secrets only from the environment."""

from __future__ import annotations

import base64
import os
import re
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    model_validator,
)

from alerts.allowed import AllowRule
from alerts.formats import FORMATS as ALERT_FORMATS
from alerts.formats import Format
from alerts.sinks.syslog import FACILITIES
from alerts.sinks.webhook import Target
from app.brokers import servers
from app.faults import first_fault
from detectors.base import Detector
from detectors.registry import DETECTORS
from ingest.jwks import check_url
from ingest.vendors import FORMATS, NATIVE, MappingSettings
from schemas.alerts import SeverityName
from schemas.errors import ConfigError
from schemas.fields import micros
from schemas.inventory import KeyRecord
from schemas.vocabulary import Severity
from store.engine import without_password
from store.errors import StoreError

DEFAULT_FILE: Final = Path("tokentrail.toml")
PASSWORD_VARIABLE: Final = "TOKENTRAIL_KAFKA_PASSWORD"  # noqa: S105 - the name of a variable
STORE_VARIABLE: Final = "TOKENTRAIL_STORE_URL"
MIN_SECRET: Final = 24
"""Bytes of a webhook's key, as Standard Webhooks asks for."""
_UNITS: Final = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value.strip())):
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    return value


def _only_duration(value: object) -> object:
    read = _duration(value)
    if isinstance(read, str) and not read.startswith("P"):
        raise ValueError("is no duration; write it like 90s, 10m, 2h or 3d")
    return read


Duration = Annotated[timedelta, BeforeValidator(_only_duration)]
"""A length of time: "10s", "5m", "1h", "14d", ISO 8601, or seconds as a number."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _servers(value: object) -> object:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ",".join(value)
    return servers(value) if isinstance(value, str) else value


class KafkaSettings(_Section):
    """The event topic and how to reach its brokers. The SASL password comes from `TOKENTRAIL_KAFKA_PASSWORD`."""

    bootstrap_servers: Annotated[list[str], BeforeValidator(_servers)] = Field(
        ["127.0.0.1:9092"], description="host:port of one or more brokers, as a list or with commas."
    )
    topic: str = "token.events.v1"
    group_id: str = Field(
        "tokentrail", description="Group whose committed offsets show the lag; reading never depends on it."
    )
    first_start: Literal["earliest", "latest"] = "earliest"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_plain_username: str | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_check_hostname: bool = True

    @model_validator(mode="after")
    def _complete(self) -> KafkaSettings:
        sasl = self.security_protocol.startswith("SASL")
        if sasl and not (self.sasl_mechanism and self.sasl_plain_username):
            raise ValueError(f"{self.security_protocol} needs sasl_mechanism and sasl_plain_username")
        if self.sasl_mechanism and not sasl:
            raise ValueError("sasl_mechanism needs security_protocol SASL_SSL or SASL_PLAINTEXT")
        return self

    def client(self) -> dict[str, Any]:
        """Settings for a kafka-python client.

        Raises:
            ConfigError: SASL is asked for and the password is not in the environment, or a TLS file is missing.
        """
        for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise ConfigError(
                    "no such file", place=f"[kafka] {name} = {path}", next_step="give the path of a PEM file"
                )
        names = set(type(self).model_fields) - {"topic", "group_id", "first_start"}
        client = {
            key: str(v) if isinstance(v, Path) else v
            for key, v in self.model_dump(include=names, exclude_none=True).items()
        }
        if self.sasl_mechanism:
            password = os.environ.get(PASSWORD_VARIABLE)
            if not password:
                raise ConfigError("SASL needs a password", place="[kafka]", next_step=f"set {PASSWORD_VARIABLE}")
            client["sasl_plain_password"] = password
        return client


class SourceSettings(_Section):
    """How records of the topic are read."""

    format: str = Field(
        NATIVE,
        description=f"One of {', '.join(FORMATS)}, or of `[[mappings]]`; auto tells vendors' logs by their fields.",
    )
    lateness: Duration = Field(
        timedelta(seconds=10),
        ge=timedelta(0),
        le=timedelta(days=1),
        description="How late an event may come after newer ones of its partition.",
    )
    horizon: Duration = Field(
        timedelta(hours=1),
        gt=timedelta(0),
        le=timedelta(days=7),
        description="How far back duplicates are known; later events are dead letters.",
    )
    max_waiting: int = Field(
        200_000, ge=20_000, description="Rows in the order buffer from which leading partitions are held back."
    )


def _store_url(url: str) -> str:
    try:
        without_password(url)
    except StoreError as error:
        raise ValueError(f"{error.message}; {error.next_step}") from None
    return url


class StoreSettings(_Section):
    """Database and checkpoint files."""

    url: Annotated[str, AfterValidator(_store_url)] = Field(
        "sqlite:///tokentrail.db",
        description="sqlite:///file.db or postgresql+psycopg://user:password@host/database; "
        "TOKENTRAIL_STORE_URL overrides it.",
    )
    state: Path = Field(
        Path("tokentrail-state"), description="Folder of checkpoint chunks; shared storage where a standby runs."
    )
    checkpoint_every: Duration = Field(timedelta(seconds=5), ge=timedelta(milliseconds=100), le=timedelta(minutes=10))
    lease: Duration = Field(
        timedelta(seconds=15),
        ge=timedelta(seconds=1),
        description="A standby takes over when the leader is silent for so long.",
    )


class LakeSettings(_Section):
    """The event lake: every event that was judged, in Parquet files by day and hour, listed in the store."""

    enabled: bool = Field(True, description="false keeps no events: no raw events on the dashboard, no `replay lake:`.")
    path: Path = Field(
        Path("tokentrail-lake"), description="Folder; shared storage where a standby or the dashboard runs elsewhere."
    )
    keep: Duration = Field(
        timedelta(days=30), ge=timedelta(hours=1), description="How long events are kept, by event time."
    )


class DeadLetterSettings(_Section):
    """Where records go that cannot be used: a topic, or a file when no topic is given."""

    topic: str | None = Field("token.events.dlq.v1", description="Empty for none.")
    file: Path | None = Field(None, description="Used when no topic is set.")
    pause_above_per_minute: int = Field(100_000, ge=1, description="A flood of dead letters pauses intake.")

    @model_validator(mode="after")
    def _somewhere(self) -> DeadLetterSettings:
        if not (self.topic or self.file):
            raise ValueError("set topic or file: no record may be lost")
        return self


def _alert_format(name: str) -> str:
    if name not in ALERT_FORMATS:
        raise ValueError(f"unknown format {name!r}; known are {', '.join(ALERT_FORMATS)}")
    return name


class _Formatted(_Section):
    format: Annotated[str, AfterValidator(_alert_format)] = Field(
        "native", description=f"One of {', '.join(ALERT_FORMATS)}; see siem.md."
    )
    all_changes: bool = Field(
        False, description="Whether revisions that change nothing but the count come, too; native always has them."
    )

    @property
    def form(self) -> Format:
        """What writes the records."""
        chosen = ALERT_FORMATS[self.format]
        return replace(chosen, all_changes=True) if self.all_changes else chosen


_CURSOR: Final = "Of its cursor: another name starts again at the first alert."


class FileSinkSettings(_Formatted):
    """Alerts in a file, one a line."""

    type: Literal["file"]
    name: str = Field("file", description=_CURSOR)
    path: Path
    max_bytes: int | None = Field(
        None, ge=1, description="Size from which it is set aside as `<path>.<UTC day>.<number>`; without it, never."
    )
    daily: bool = Field(False, description="Whether each UTC day, by the wall clock, has a file of its own.")


class KafkaSinkSettings(_Formatted):
    """Alerts on a topic of the brokers in `[kafka]`."""

    type: Literal["kafka"]
    name: str = Field("kafka", description=_CURSOR)
    topic: str = Field(
        "token.alerts.v1", description="Topic of the alerts; `token.alerts.<format>.v1` for other formats than native."
    )

    @model_validator(mode="before")
    @classmethod
    def _topic_of_format(cls, given: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        if isinstance(given, dict) and given.get("format", "native") != "native" and "topic" not in given:
            return {**given, "topic": f"token.alerts.{given['format']}.v1"}
        return given


class KafkaStateSinkSettings(_Section):
    """What people decide about alerts, on a compacted topic of the brokers in `[kafka]`."""

    type: Literal["kafka-state"]
    name: str = "kafka-state"
    topic: str = "token.alert-state.v1"


class SyslogSinkSettings(_Formatted):
    """Alerts as RFC 5424 messages over TLS (RFC 5425) or TCP, with octet counting (RFC 6587)."""

    type: Literal["syslog"]
    name: str = Field("syslog", description=_CURSOR)
    host: str = Field(min_length=1, description="Name or address of the receiver; its certificate must name it.")
    port: int = Field(6_514, ge=1, le=65_535)
    transport: Literal["tls", "tcp"] = Field("tls", description="tcp is neither secret nor safe from changes.")
    facility: Literal[FACILITIES] = "authpriv"  # type: ignore[valid-type]
    app_name: str = Field("tokentrail", pattern=r"^[!-~]{1,48}$", description="APP-NAME of each message.")
    hostname: str | None = Field(
        None, pattern=r"^[!-~]{1,255}$", description="HOSTNAME of each message; without it that of this machine."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the authorities that sign the receiver's certificate; the system's without it."
    )
    cert_file: Path | None = Field(None, description="PEM file of our certificate and key, for receivers that ask.")
    wait_for_close: bool = Field(
        True,
        description="Whether the receiver's close, after each batch, confirms it. false is for receivers that keep a "
        "half-closed connection open: what they had not read when they died is lost. Only with tcp.",
    )

    @model_validator(mode="after")
    def _tls_waits(self) -> SyslogSinkSettings:
        if self.transport == "tls" and not self.wait_for_close:
            raise ValueError("wait_for_close = false goes with tcp only: TLS receivers answer (RFC 5425 section 4.4)")
        return self

    def tls(self) -> ssl.SSLContext | None:
        """What the connection is secured with; None for plain TCP.

        Raises:
            ConfigError: a file is missing or holds no certificate.
        """
        if self.transport == "tcp":
            return None
        place = self.ca_file
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if (place := self.cert_file) is not None:
                context.load_cert_chain(place)
        except OSError as error:
            raise ConfigError(
                f"cannot be read: {error.strerror or error}",
                place=f"sink {self.name}: {place}",
                next_step="give the path of a PEM file",
            ) from error
        return context


_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class WebhookSinkSettings(_Formatted):
    """Alerts posted in batches over HTTPS, signed as Standard Webhooks says."""

    type: Literal["webhook"]
    name: str = Field("webhook", description=_CURSOR)
    url: Annotated[str, AfterValidator(check_url)] = Field(description="https://…; redirects are not followed.")
    refused: Path = Field(description="File for alerts that the server refuses for good, with its reason.")
    body: Literal["lines", "array"] = Field(
        "lines", description="One alert a line (NDJSON where the format is JSON), or a JSON array."
    )
    batch: int = Field(100, ge=1, le=500, description="Most alerts of one request.")
    secret_variable: _Variable | None = Field(
        None, description="Environment variable of the signature's key: `whsec_` and base64, or text; 24 bytes or more."
    )
    authorization_variable: _Variable | None = Field(
        None, description="Environment variable of the value of the header `Authorization`."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the authorities that sign the server's certificate; the system's without it."
    )

    @model_validator(mode="after")
    def _array_of_json(self) -> WebhookSinkSettings:
        if self.body == "array" and self.form.content_type != "application/json":
            raise ValueError(f'body = "array" needs a format of JSON, and {self.format} is none')
        return self

    def target(self) -> Target:
        """Where and how to post.

        Raises:
            ConfigError: a secret is not in the environment or unfit, or there is no such file.
        """
        if self.ca_file is not None and not self.ca_file.is_file():
            place = f"sink {self.name}: ca_file = {self.ca_file}"
            raise ConfigError("no such file", place=place, next_step="give the path of a PEM file")
        authorization = self._secret(self.authorization_variable)
        if authorization is not None and not (authorization.isascii() and authorization.isprintable()):
            raise self._unfit(self.authorization_variable, "is no value of a header")
        secret = self._secret(self.secret_variable)
        return Target(
            self.url, self.body, self.batch, None if secret is None else self._key(secret), authorization, self.ca_file
        )

    def _secret(self, variable: str | None) -> str | None:
        if variable is None:
            return None
        if not (value := os.environ.get(variable)):
            raise self._unfit(variable, "is not set")
        return value

    def _key(self, secret: str) -> bytes:
        try:
            text = secret.removeprefix("whsec_")
            key = secret.encode() if text == secret else base64.b64decode(text, validate=True)
        except ValueError:
            raise self._unfit(self.secret_variable, "has no base64 after whsec_") from None
        if len(key) < MIN_SECRET:
            raise self._unfit(self.secret_variable, f"has fewer than {MIN_SECRET} bytes")
        return key

    def _unfit(self, variable: str | None, what: str) -> ConfigError:
        return ConfigError(f"{variable} {what}", place=f"sink {self.name}", next_step="set it in the environment")


AnySink = FileSinkSettings | KafkaSinkSettings | KafkaStateSinkSettings | SyslogSinkSettings | WebhookSinkSettings
SINK_SETTINGS: Final = get_args(AnySink)
SinkSettings = Annotated[AnySink, Field(discriminator="type")]


class JwksSettings(_Section):
    """Where an issuer publishes its keys (RFC 7517).

    The worker reads it again and again and records that and what changes in `keys.ndjson` beside its state; a replay
    with the same settings reads that record.
    """

    iss: str = Field(description="Issuer, as its events name it.")
    tenant: str | None = Field(None, description="Tenant of these events.")
    url: Annotated[str, AfterValidator(check_url)] | None = Field(
        None, description="https://…; redirects are not followed."
    )
    file: Path | None = Field(None, description="File that holds it, in place of a URL.")
    refresh: Duration = Field(
        timedelta(minutes=5),
        ge=timedelta(seconds=10),
        le=timedelta(minutes=7),
        description="How often it is read: at least twice while an unknown key is held.",
    )

    @property
    def place(self) -> str | Path:
        """The one of both that is set."""
        return cast("str | Path", self.url or self.file)

    @model_validator(mode="after")
    def _one_place(self) -> JwksSettings:
        if (self.url is None) == (self.file is None):
            raise ValueError("set url or file, one of them")
        return self


class TopicSettings(_Section):
    """What `topics create` creates."""

    partitions: int = Field(4, ge=1)
    replication_factor: int = Field(1, ge=1)
    min_insync_replicas: int = Field(1, ge=1)
    alert_retention: Duration = Field(timedelta(days=7), ge=timedelta(days=7))


class DashboardSettings(_Section):
    """Where the dashboard listens."""

    host: str = "127.0.0.1"
    port: int = Field(8501, ge=0, le=65_535)


class TriageSettings(_Section):
    """What is expected of the people who handle alerts."""

    sla: dict[SeverityName, Annotated[Duration, Field(gt=timedelta(0))]] = Field(
        {
            "critical": timedelta(minutes=15),
            "high": timedelta(hours=1),
            "medium": timedelta(hours=8),
            "low": timedelta(days=3),
        },
        description="Time in which somebody must have taken an alert, by severity; one that is left out has no limit.",
    )

    def spans(self) -> dict[Severity, int]:
        """Give the times in µs."""
        return {Severity[name.upper()]: micros(span) for name, span in self.sla.items()}


class WorkerSettings(_Section):
    """Health endpoint of the worker."""

    host: str = "127.0.0.1"
    port: int = Field(9464, ge=0, le=65_535, description="/healthz, /readyz and /metrics; 0 takes a free port.")


def _detector(entry: object) -> object:
    if isinstance(entry, Detector) or not isinstance(entry, Mapping):
        return entry
    kind = entry.get("type")
    if kind not in DETECTORS:
        raise ValueError(f"unknown detector {kind!r}; known are {', '.join(sorted(DETECTORS))}")
    durations = {name: _duration(value) for name, value in entry.items() if name != "type"}
    return DETECTORS[kind].model_validate(durations)


class Settings(_Section):
    """Everything that can be set. Detectors not named in `[[detectors]]` run with their defaults."""

    kafka: KafkaSettings = KafkaSettings()
    source: SourceSettings = SourceSettings()
    store: StoreSettings = StoreSettings()
    lake: LakeSettings = LakeSettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    topics: TopicSettings = TopicSettings()
    dashboard: DashboardSettings = DashboardSettings()
    triage: TriageSettings = TriageSettings()
    worker: WorkerSettings = WorkerSettings()
    sinks: list[SinkSettings] = [KafkaSinkSettings(type="kafka"), KafkaStateSinkSettings(type="kafka-state")]
    jwks: list[JwksSettings] = []
    keys: list[KeyRecord] = []
    mappings: list[MappingSettings] = []
    disabled: list[str] = Field([], description="Types of detectors that do not run.")
    shadow: list[str] = Field(
        [], description="Types of detectors on trial: their alerts are stored apart, and nobody is told."
    )
    allow: list[AllowRule] = []
    detectors: list[SerializeAsAny[Annotated[Detector, BeforeValidator(_detector)]]] = []

    @model_validator(mode="after")
    def _known_names(self) -> Settings:
        for place, names in (
            ("disabled", self.disabled),
            ("shadow", self.shadow),
            *(("allow", rule.detectors) for rule in self.allow),
        ):
            for name in names:
                if name not in DETECTORS:
                    raise ValueError(f"{place}: unknown detector {name!r}; known are {', '.join(sorted(DETECTORS))}")
        self._known_format()
        names = [sink.name for sink in self.sinks]
        if len(set(names)) != len(names):
            raise ValueError("sinks: two have the same name; their positions would mix")
        issuers = [(entry.tenant, entry.iss) for entry in self.jwks]
        if len(set(issuers)) != len(issuers):
            raise ValueError("jwks: one issuer stands there twice; each list would undo the other")
        ids = [(key.tenant, *name) for key in self.keys for name in key.names()]
        if len(set(ids)) != len(ids):
            raise ValueError("keys: two have the same id at one issuer; write all of a key into one table")
        types = [detector.type for detector in self.detectors]
        if len(set(types)) != len(types):
            raise ValueError("detectors: two have the same type; give each its parameters once")
        return self

    def _known_format(self) -> None:
        own = [mapping.name for mapping in self.mappings]
        for name in own:
            if name in FORMATS or own.count(name) > 1:
                raise ValueError(
                    f"mappings: the format {name!r} stands there twice or is built in; give it another name"
                )
        if self.source.format not in (formats := (*FORMATS, *own)):
            raise ValueError(f"source.format: unknown format {self.source.format!r}; known are {', '.join(formats)}")

    def running(self) -> dict[str, Detector]:
        """Give the detectors that run, by type, in the registry's order."""
        configured = {detector.type: detector for detector in self.detectors}
        return {name: configured.get(name) or kind() for name, kind in DETECTORS.items() if name not in self.disabled}


def lake_path(settings: Settings) -> str:
    """Give the folder of the event lake for the dashboard; empty where no events are kept."""
    return str(settings.lake.path) if settings.lake.enabled else ""


def load(path: Path | None) -> Settings:
    """Read settings from a file; without one from `tokentrail.toml` here, if there is any, else the defaults.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or holds a key or value that is not allowed; names the place.
    """
    explicit = path is not None
    path = path or DEFAULT_FILE
    if not path.exists():
        if explicit:
            raise ConfigError("no such file", place=str(path), next_step="give the path of a tokentrail.toml")
        return from_mapping({}, "defaults")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is no TOML: {error}", place=str(path), next_step="mend the line") from error
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", place=str(path), next_step="give the path of a readable file"
        ) from error
    return from_mapping(content, str(path))


def from_mapping(content: Mapping[str, Any], place: str) -> Settings:
    """Check settings given as a mapping. Raises ConfigError naming the setting."""
    if url := os.environ.get(STORE_VARIABLE):
        store = content.get("store", {})
        content = {**content, "store": {**store, "url": url} if isinstance(store, Mapping) else store}
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        fault = first_fault(error, content)
        # Without its cause, which shows values: they may be secret.
        raise ConfigError(
            fault.what, place=f"{place}: {fault.where}".removesuffix(": "), next_step="see docs/configuration.md"
        ) from None


def narrowed(settings: Settings, only: Sequence[str], overrides: Sequence[str]) -> Settings:
    """Give the settings with some detectors only, and with parameters set as `detector.parameter=value`.

    Detectors that are asked for by name are not on trial.

    Raises:
        ConfigError: a detector or parameter is unknown, or a value is not allowed.
    """
    running = settings.running()
    for name in only:
        if name not in DETECTORS:
            known = ", ".join(sorted(DETECTORS))
            raise ConfigError(f"unknown detector {name!r}", place="--detector", next_step=f"take one of {known}")
    entries: dict[str, dict[str, Any]] = {
        name: {"type": name, **detector.model_dump(exclude_unset=True)}
        for name, detector in running.items()
        if not only or name in only
    }
    for text in overrides:
        target, separator, value = text.partition("=")
        name, dot, parameter = target.partition(".")
        if not (separator and dot) or name not in entries:
            raise ConfigError(
                f"{text!r} sets nothing that runs", place="--set", next_step="write detector.parameter=value"
            )
        entries[name][parameter] = value
    disabled = [name for name in DETECTORS if name not in entries]
    content = settings.model_dump(exclude={"detectors", "disabled", "shadow"}) | {
        "detectors": list(entries.values()),
        "disabled": disabled,
        "shadow": [name for name in settings.shadow if name not in only],
    }
    return from_mapping(content, "--set")
