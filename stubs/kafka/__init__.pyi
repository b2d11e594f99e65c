# Types of the part of kafka-python in use: one consumer, one producer, one admin client.
# Records stay raw bytes: a raising deserializer would stop the consumer for ever.

from kafka.admin import KafkaAdminClient as KafkaAdminClient
from kafka.consumer import KafkaConsumer as KafkaConsumer
from kafka.consumer.subscription_state import (
    AsyncConsumerRebalanceListener as AsyncConsumerRebalanceListener,
)
from kafka.consumer.subscription_state import (
    ConsumerRebalanceListener as ConsumerRebalanceListener,
)
from kafka.producer import KafkaProducer as KafkaProducer
from kafka.structs import ConsumerGroupMetadata as ConsumerGroupMetadata
from kafka.structs import OffsetAndMetadata as OffsetAndMetadata
from kafka.structs import TopicPartition as TopicPartition

__version__: str
