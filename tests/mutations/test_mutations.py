"""The oracle sees what each guard is for: with the guard nothing is wrong, without it the promise is broken.

Each scenario runs twice on the same code, broker and vendor. What is taken away is taken away here, on purpose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from streamer.events.encode import event_records
from streamer.events.record import EVENTS, ROWS, TENANTS, Record
from streamer.store.engine import Committed
from streamer.store.kafka.guard import GuardedProducer
from streamer.store.kafka.producer import KafkaEngine
from streamer.store.kafka.reader import reading
from streamer.store.kafka.takeover import TakeOver
from streamer.store.restore import Restoration
from streamer.store.shard import Shard
from tests.mutations.scene import AWAY, BUSY, Scene
from tests.support.topics import limit_records


class Scenario(Protocol):
    """Steps that end well with the guard; without it they take it away first, through `patch` or by hand."""

    __name__: str

    def __call__(self, scene: Scene, patch: pytest.MonkeyPatch, /, *, guarded: bool) -> Awaitable[None]:
        """Play it."""


class Play(Protocol):
    """Plays a scenario; returns the rules that the oracle found broken."""

    def __call__(self, scenario: Scenario, *, guarded: bool) -> Awaitable[set[str]]:
        """Play it."""


async def futures_not_awaited(scene: Scene, patch: pytest.MonkeyPatch, *, guarded: bool) -> None:
    """The broker refuses the event and takes the row: aiokafka commits all the same, if nobody looks at the futures."""

    async def send_and_forget(producer: Any, messages: Sequence[tuple[Any, ...]]) -> list[Any]:
        for topic, partition, key, value, headers in messages:
            future = await producer._producer.send(
                topic, value=value, key=key, partition=partition, headers=list(headers)
            )
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return []

    events = scene.config.bootstrap_servers[0], scene.config.topic_prefix + EVENTS
    owner = await scene.take_over()
    assert await owner.poll() is None
    await scene.becomes(scene.agents[0], BUSY)
    if not guarded:
        patch.setattr(GuardedProducer, "_send", send_and_forget)
    limit_records(*events, 100)
    lost = await owner.poll()
    limit_records(*events)
    assert (lost is not None) == guarded


async def cache_kept_after_an_unconfirmed_commit(scene: Scene, patch: pytest.MonkeyPatch, *, guarded: bool) -> None:
    """A commit succeeds and its answer is lost: whoever goes on with the cache of before tells the change again."""
    transact = GuardedProducer.transact

    async def answer_lost(producer: GuardedProducer, messages: Any, **options: Any) -> Any:
        await transact(producer, messages, **options)
        raise TimeoutError

    owner = await scene.take_over()
    assert await owner.poll() is None
    kept = dict(owner.shard.tenants)

    class KeepsTheCache(TakeOver):
        async def build(self, _: object) -> Any:
            return kept

    await scene.becomes(scene.agents[0], BUSY)
    with patch.context() as once:
        once.setattr(GuardedProducer, "transact", answer_lost)
        assert await owner.poll() == "timeout"
    owner = await scene.take_over(None if guarded else scene.attempt(KeepsTheCache))
    assert await owner.poll() is None


async def state_read_before_the_producer_is_fenced(scene: Scene, _: pytest.MonkeyPatch, *, guarded: bool) -> None:
    """The old owner commits once more while the new one takes over: between the read and the fence nobody sees it."""
    old = await scene.take_over()
    await old.poll()
    reasons: list[str | None] = []

    async def meanwhile() -> None:
        await scene.becomes(scene.agents[0], BUSY)
        reasons.append(await old.poll())

    class InOrder(TakeOver):
        async def fence(self, engine: KafkaEngine) -> None:
            await super().fence(engine)
            await meanwhile()

    class ReadsFirst(TakeOver):
        async def run(self, _: Callable[[], bool]) -> Shard:
            engine = KafkaEngine(shard=self._shard, clients=self._clients, clock=self._clock)
            places = [self._clients.place(topic, self._shard) for topic in (ROWS, TENANTS)]
            async with reading(self._clients, places) as reader:
                early = Restoration(shard=self._shard, shards=self._clients.config.partitions)
                async for record in reader.until(await reader.ends(places)):
                    early.take(record)
            await meanwhile()
            await self.fence(engine)
            await self.claim(engine)
            return Shard(number=self._shard, tenants=await self.build(early), engine=engine, clock=self._clock)

    new = await scene.take_over(scene.attempt(InOrder if guarded else ReadsFirst))
    await new.poll()
    assert reasons == ["fenced" if guarded else None]


async def event_without_its_row(scene: Scene, patch: pytest.MonkeyPatch, *, guarded: bool) -> None:
    """The table is the state: an event whose row was not written is told again, or its successor hangs in the air."""
    owner = await scene.take_over()
    assert await owner.poll() is None
    await scene.becomes(scene.agents[0], BUSY)
    if not guarded:
        patch.setattr("streamer.diff.plan.event_records", lambda *arguments: event_records(*arguments)[:1])
    assert await owner.poll() is None


async def watermark_outside_the_transaction(scene: Scene, patch: pytest.MonkeyPatch, *, guarded: bool) -> None:
    """A watermark that is written before its events promises what a crash then takes back.

    The tenant is well again after an outage, so a record is due together with the events.
    """
    commit, transact = KafkaEngine.commit, GuardedProducer.transact
    died: list[set[str]] = []

    async def watermark_first(engine: KafkaEngine, records: Sequence[Record]) -> Committed:
        marks = [record for record in records if record.topic == TENANTS]
        events = [record for record in records if record.topic != TENANTS]
        committed = [await commit(engine, part) for part in (marks, events) if part]
        return committed[-1]

    async def dies_before_the_end(
        producer: GuardedProducer, messages: Sequence[tuple[Any, ...]], **options: Any
    ) -> Any:
        if not any(topic.endswith(EVENTS) for topic, *_ in messages):
            return await transact(producer, messages, **options)
        died.append({topic for topic, *_ in messages})
        await producer._producer.begin_transaction()
        await producer._send(messages)
        raise ConnectionError

    owner = await scene.take_over()
    assert await owner.poll() is None
    scene.faults("500")
    while owner.poller.reporter.health != "failing":
        assert await owner.poll() is None
    scene.faults("")
    await scene.becomes(scene.agents[0], BUSY)
    if not guarded:
        patch.setattr(KafkaEngine, "commit", watermark_first)
    patch.setattr(GuardedProducer, "transact", dies_before_the_end)
    assert await owner.poll() == "unreachable"
    assert [any(topic.endswith(TENANTS) for topic in topics) for topics in died] == [guarded]


async def old_answer_against_a_newer_cache(scene: Scene, _: pytest.MonkeyPatch, *, guarded: bool) -> None:
    """An answer that was under way while the shard changed hands shows the past to whoever compares it with the present."""
    old = await scene.take_over()
    await old.poll()
    first, second, *_rest = scene.agents
    await scene.becomes(second, AWAY)
    scene.faults("slow:1:1.5")
    answer = asyncio.create_task(old.poll())
    await scene.asked()
    scene.faults("")
    new = await scene.take_over()
    if not guarded:
        old.poller.ledger.shard = new.shard
    await scene.becomes(first, BUSY)
    await new.poll()
    assert await answer == ("fenced" if guarded else None)
    await scene.becomes(first, AWAY)


SCENARIOS: dict[Scenario, set[str]] = {
    futures_not_awaited: {"row", "sequence", "tenant_sequence", "chain"},
    cache_kept_after_an_unconfirmed_commit: {"sequence", "tenant_sequence", "chain", "doubled"},
    state_read_before_the_producer_is_fenced: {"sequence", "tenant_sequence", "chain", "doubled"},
    event_without_its_row: {"row", "sequence", "chain"},
    watermark_outside_the_transaction: {"tenant_sequence", "interval"},
    old_answer_against_a_newer_cache: {"order", "interval"},
}
"""Each scenario with the rules that must be broken without the guard."""

over_all_scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)


@pytest.fixture
def play(kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a scenario and let the oracle judge it."""

    async def play_it(scenario: Scenario, *, guarded: bool) -> set[str]:
        async with Scene(bootstrap=kafka, prefix=topic_prefix, folder=tmp_path) as scene:
            with monkeypatch.context() as patch:
                await scenario(scene, patch, guarded=guarded)
            verdict = await scene.end()
        print(verdict)  # noqa: T201 - pytest shows it where it fails
        assert verdict.counts.events >= 5, "nothing was judged"
        return verdict.rules

    return play_it


@over_all_scenarios
async def test_with_its_guard_a_scenario_breaks_nothing(play: Play, scenario: Scenario) -> None:
    """What goes wrong in the scenario leaves no trace in the stream."""
    assert await play(scenario, guarded=True) == set()


@over_all_scenarios
async def test_without_its_guard_the_oracle_sees_what_breaks(play: Play, scenario: Scenario) -> None:
    """The same scenario is found out, by the rules that it should be."""
    assert await play(scenario, guarded=False) >= SCENARIOS[scenario]
