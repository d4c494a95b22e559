"""What this service must be allowed in a cluster with ACLs: the one list, for the guide, for errors and for tests.

Kafka lets see (Describe) whoever may read or write, so that stands nowhere here. Of a transaction, only its id and the
topics are asked about; IdempotentWrite is for producers without an id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from msgspec import Struct

from streamer.events.record import EVENTS, TABLES, TOPICS
from streamer.store.engine import StoreError
from streamer.store.kafka.handshake import causes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamer.config import KafkaConfig
    from streamer.events.record import Topic

Resource: TypeAlias = Literal["topic", "transactional-id", "group"]
Operation: TypeAlias = Literal["Read", "Write", "DescribeConfigs", "Create"]


class Permission(Struct, frozen=True):
    """One ACL, in the words of `kafka-acls`; `prefixed`: for all names that begin so."""

    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False


def of_service(config: KafkaConfig, *, creates: bool) -> list[Permission]:
    """Return all that `streamer run` needs; `creates`: it makes the topics that are missing."""
    return [
        *(each for topic in TOPICS for each in of_topic(config, topic, creates=creates)),
        _transactions(config),
        *([_group(config)] if config.static_shards is None else []),
    ]


def of_topic(config: KafkaConfig, topic: Topic, *, creates: bool = False) -> list[Permission]:
    """Return what `streamer run` needs on one topic. Events are written and not read; tables are the state, too."""
    operations: list[Operation] = ["Write", "DescribeConfigs"]
    if topic in TABLES:
        operations.insert(0, "Read")
    if creates:
        operations.append("Create")
    return [Permission("topic", f"{config.topic_prefix}{topic}", each) for each in operations]


def of_consumer(config: KafkaConfig, *, group: str | None) -> list[Permission]:
    """Return what a consumer of all topics needs, as a member of a group or, as our own commands are, without one."""
    topics = [Permission("topic", f"{config.topic_prefix}{topic}", "Read") for topic in (EVENTS, *TABLES)]
    return topics if group is None else [*topics, Permission("group", group, "Read")]


def commands(permissions: Iterable[Permission], *, servers: str, principal: str) -> list[str]:
    """Return the command lines that allow these things, as few as can be."""
    operations: dict[tuple[Resource, str, bool], list[str]] = {}
    for each in permissions:
        operations.setdefault((each.resource, each.name, each.prefixed), []).append(f"--operation {each.operation}")
    alike: dict[tuple[Resource, str, str], list[str]] = {}
    for (resource, name, prefixed), allowed in operations.items():
        pattern = " --resource-pattern-type prefixed" if prefixed else ""
        alike.setdefault((resource, " ".join(allowed), pattern), []).append(f"--{resource} {name}")
    start = f"kafka-acls --bootstrap-server {servers} --add --allow-principal {principal}"
    return [f"{start} {allowed} {' '.join(names)}{pattern}" for (_, allowed, pattern), names in alike.items()]


def principal_of(config: KafkaConfig) -> str:
    """Return how the brokers name us; how they name a certificate is theirs to say (`ssl.principal.mapping.rules`)."""
    return f"User:{config.sasl_plain_username}" if config.uses_sasl else "User:PRINCIPAL"


def lacking(error: BaseException, config: KafkaConfig, *, doing: Operation) -> StoreError | None:
    """Return what to tell of an error if it says that we lack a permission; `doing` is what was done with topics."""
    for link in causes(error):
        match link:
            case StoreError():  # told already
                return None
            case TopicAuthorizationFailedError():
                return forbidden([Permission("topic", name, doing) for name in sorted(_topics(link))], config)
            case TransactionalIdAuthorizationFailed():
                return forbidden([_transactions(config)], config)
            case GroupAuthorizationFailedError():
                return forbidden([_group(config)], config)
            case _:
                pass
    return None


def forbidden(permissions: Sequence[Permission], config: KafkaConfig) -> StoreError:
    """Return the error that says which permissions are missing, and how they are given."""
    what = ", ".join(f"{each.operation} on {each.resource} {each.name}{'*' * each.prefixed}" for each in permissions)
    return StoreError(f"Kafka does not allow us {what or 'what we asked for'}: {how(permissions, config)}")


def how(permissions: Iterable[Permission], config: KafkaConfig) -> str:
    """Return the command that gives permissions, for a message."""
    lines = commands(permissions, servers=",".join(config.bootstrap_servers), principal=principal_of(config))
    return "; ".join(lines) or "see docs/kafka-security.md"


def _transactions(config: KafkaConfig) -> Permission:
    return Permission("transactional-id", f"{config.topic_prefix}agent-status-", "Write", prefixed=True)


def _group(config: KafkaConfig) -> Permission:
    return Permission("group", config.group_id, "Read")


def _topics(error: BaseException) -> Iterator[str]:
    """Yield the topics that aiokafka names in an error: one, a set, or none."""
    for each in error.args:
        yield from [each] if isinstance(each, str) else each
