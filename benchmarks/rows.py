"""Rows of agents as the product itself writes them, put into a broker's topics in quantity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from confluent_kafka import Producer

from benchmarks.poll import answer, plan
from streamer.clock import SystemClock
from streamer.config import KafkaConfig
from streamer.diff.state import TenantState
from streamer.events.record import ROWS, Record, partition_of
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_agent_status import read_agents
from streamer.store.kafka import KafkaStore

AGENTS: Final = 500
"""Agents of each tenant."""

TENANT: Final = "bench"
"""The tenant whose rows are made by the product; the others' are the same but for the tenant's id, of equal length."""

_WEEK: Final = 7 * 86_400_000
_TRANSACTION: Final = 5_000


def tenant_rows() -> Sequence[Record]:
    """Return one tenant's rows after each agent changed once, so that they have a `previous`."""
    first, _ = read_agents(answer(AGENTS), memo={}, names=True, unknown=UnknownFields())
    then, _ = read_agents(answer(AGENTS, changed=AGENTS), memo={}, names=True, unknown=UnknownFields())
    known = plan(TenantState(tenant=TENANT), first, 0).state
    return [record for record in plan(known, then, 60).records if record.topic == ROWS]


def rows(agents: int) -> Iterator[tuple[str, Record]]:
    """Yield so many rows with their tenants' ids."""
    made = tenant_rows()
    for number in range(-(-agents // AGENTS)):
        tenant = f"{number:05d}"
        for record in made[: agents - number * AGENTS]:
            yield tenant, _of(record, tenant)


async def fill(config: KafkaConfig, agents: int) -> int:
    """Make the topics and write rows of so many agents; return how many bytes their keys and values have."""
    store = KafkaStore(config=config, retention=_WEEK, clock=SystemClock())
    await store.start()
    producer = Producer(
        {
            "bootstrap.servers": ",".join(config.bootstrap_servers),
            "transactional.id": f"{config.topic_prefix}fill",
            "compression.type": "zstd",
            "batch.size": 256 * 1024,
            "queue.buffering.max.messages": 2 * _TRANSACTION,
            "linger.ms": 20,
        }
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    size = 0
    for count, (tenant, record) in enumerate(rows(agents), 1):
        value = record.value or b""
        size += len(record.key) + len(value)
        producer.produce(
            f"{config.topic_prefix}{ROWS}",
            key=record.key,
            value=value,
            partition=partition_of(tenant, config.partitions),
            headers=list(record.headers),
        )
        if count % _TRANSACTION == 0:
            producer.commit_transaction(30)
            producer.begin_transaction()
    producer.commit_transaction(30)
    return size


def _of(record: Record, tenant: str) -> Record:
    old, new = TENANT.encode(), tenant.encode()
    headers = tuple((name, data.replace(old, new)) for name, data in record.headers)
    value = (record.value or b"").replace(b'"tenant":"%b"' % old, b'"tenant":"%b"' % new)
    return Record(record.topic, record.key.replace(old, new), value, headers)
