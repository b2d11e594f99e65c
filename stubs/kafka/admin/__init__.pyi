from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import TracebackType
from typing import Any, Self, TypedDict

from kafka.structs import TopicPartition

class NewTopicOptions(TypedDict, total=False):
    num_partitions: int
    replication_factor: int
    assignments: dict[int, list[int]]
    configs: dict[str, str]

class ConfigResourceType(IntEnum):
    UNKNOWN = 0
    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32

class ConfigResource:
    resource_type: ConfigResourceType
    name: str
    configs: Mapping[str, str] | Sequence[str] | None
    def __init__(
        self,
        resource_type: ConfigResourceType | str,
        name: str,
        configs: Mapping[str, str] | Sequence[str] | None = ...,
    ) -> None: ...

# Answers are the broker's response decoded into plain dicts, whose fields vary with its version.
class KafkaAdminClient:
    config: dict[str, object]
    def __init__(self, **configs: object) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def close(self) -> None: ...
    def list_topics(self) -> list[str]: ...
    def describe_topics(self, topics: Sequence[str] | None = ...) -> list[dict[str, Any]]: ...
    def create_topics(
        self,
        new_topics: Sequence[str] | Mapping[str, NewTopicOptions],
        timeout_ms: float | None = ...,
        validate_only: bool = ...,
        raise_errors: bool = ...,
        wait_for_metadata: bool = ...,
    ) -> dict[str, Any]: ...
    def wait_for_topics(self, topic_names: Sequence[str], timeout_ms: float = ...) -> None: ...
    def delete_topics(
        self, topics: Sequence[str], timeout_ms: float | None = ..., raise_errors: bool = ...
    ) -> dict[str, Any]: ...
    def create_partitions(
        self,
        topic_partitions: Mapping[str, int],
        timeout_ms: float | None = ...,
        validate_only: bool = ...,
        raise_errors: bool = ...,
    ) -> dict[str, Any]: ...
    def delete_records(
        self,
        records_to_delete: Mapping[TopicPartition, int],
        timeout_ms: float | None = ...,
        partition_leader_id: int | None = ...,
    ) -> dict[TopicPartition, dict[str, Any]]: ...
    def describe_cluster(self) -> dict[str, Any]: ...
    def describe_configs(
        self,
        config_resources: Sequence[ConfigResource],
        include_synonyms: bool = ...,
        config_filter: str = ...,
    ) -> dict[str, dict[str, dict[str, dict[str, Any]]]]: ...
    def alter_configs(
        self,
        config_resources: Sequence[ConfigResource],
        validate_only: bool = ...,
        raise_on_unknown: bool = ...,
        incremental: bool | None = ...,
    ) -> dict[str, Any]: ...
