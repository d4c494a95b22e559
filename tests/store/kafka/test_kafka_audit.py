"""What an audit says after disasters that Kafka itself suffers: a mirror that lags, a tail that was cut off.

Each topic is copied to a cluster that has not got the last records of some. Then the service goes on there, from the
table as it finds it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from streamer.events.record import CLAIM_KEY, EVENTS, ROWS, TENANTS, Record, Topic
from streamer.store import Update
from streamer.store.audit import Finding, audit
from streamer.store.kafka import KafkaStore
from tests.store.kafka.conftest import PARTITIONS, SHARD, TENANT, Owner, config_of, store_of
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader

Lost = dict[Topic, int]
Mirror = Callable[[Lost], Awaitable[KafkaStore]]


async def tell(own: Owner, store: KafkaStore, *agents: str) -> None:
    """Take the shard over and commit a change of each agent."""
    shard = await own(store)
    await shard.commit(Narrator(shard.state(TENANT), shards=PARTITIONS).tell(*agents))


@pytest.fixture
async def mirror(store: KafkaStore, own: Owner, reader: KafkaReader, kafka: str, topic_prefix: str) -> Mirror:
    """`mirror({ROWS: 1})` copies six events of three agents, a watermark after each two, but not the last row."""
    for agents in (("a", "b"), ("b", "c"), ("a", "c")):
        await tell(own, store, *agents)

    async def copied(lost: Lost) -> KafkaStore:
        records: list[Record] = []
        for topic in (EVENTS, ROWS, TENANTS):
            found = [each for each in reader.read(topic) if each.key != CLAIM_KEY]
            kept = found[: len(found) - lost.get(topic, 0)]
            records += [Record(topic, each.key, each.value, each.headers) for each in kept]
        other = store_of(config_of(kafka, f"{topic_prefix}mirror-"))
        await other.start()
        shard = await own(other)
        await shard.commit(Update(records=tuple(records)))
        return other

    return copied


def said(findings: Iterable[Finding]) -> set[tuple[str, str | None]]:
    """Return which rule each finding says is broken, and of which agent."""
    return {(each.check, each.agent) for each in findings if each.verdict == "differs"}


Found = set[tuple[str, str | None]]

DISASTERS: list[tuple[str, Lost, Found, Found]] = [
    ("nothing is lost", {}, set(), set()),
    (
        "the table lags",
        {ROWS: 1},
        {("row", "c")},
        {("sequence", "c")},
    ),
    (
        "the events lag",
        {EVENTS: 1},
        {("row", "c"), ("watermark", None)},
        {("tenant_sequence", "a"), ("sequence", "c")},
    ),
    ("the watermarks lag", {TENANTS: 1}, set(), set()),
    (
        "the table and the watermarks lag behind the events",
        {ROWS: 2, TENANTS: 1},
        {("row", "a"), ("row", "c")},
        {("tenant_sequence", "a"), ("sequence", "a"), ("sequence", "c")},
    ),
    (
        "all of it lags alike",
        {EVENTS: 2, ROWS: 2, TENANTS: 1},
        set(),
        set(),
    ),
    (
        "the table is gone",
        {ROWS: 6},
        {("row", "a"), ("row", "b"), ("row", "c")},
        {("sequence", "a"), ("sequence", "c"), ("row", "b")},
    ),
]


@pytest.mark.parametrize(
    ("lost", "then", "later"), [each[1:] for each in DISASTERS], ids=[each[0] for each in DISASTERS]
)
async def test_an_audit_names_what_a_mirror_that_lags_has_broken(
    mirror: Mirror, own: Owner, lost: Lost, then: Found, later: Found
) -> None:
    """At once, and after the service has gone on there, from the table as it found it.

    Where all topics lag alike nothing can be told: it is a stream that was true a while ago.
    """
    other = await mirror(lost)
    found = said((await audit(other)).findings)
    await tell(own, other, "a", "c")
    found_later = said((await audit(other)).findings)
    assert found == then
    assert found_later >= later


async def test_events_that_retention_deleted_are_not_covered_and_are_no_difference(
    mirror: Mirror, own: Owner, kafka: str, topic_prefix: str
) -> None:
    """The broker deletes from the beginning; what is left is compared."""
    other = await mirror({})
    beginning = TopicPartition(f"{topic_prefix}mirror-{EVENTS}", SHARD, 5)  # 0 is the end of the claim
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    admin.delete_records([beginning])[beginning].result(60)
    report = await audit(other)
    assert (said(report.findings), report.summary.events) == (set(), 2)
    assert [each.agent for each in report.findings] == ["b"]
    await tell(own, other, "b")
    assert (await audit(other)).findings == ()
