from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from streamer.beside import THREAD_FROM
from streamer.events.record import EVENTS, ROWS, TENANTS, Record
from streamer.model import Meaning
from streamer.polling.poller import TenantPoller
from streamer.polling.tools import Tools
from streamer.signals import HealthChanged, OperatorKey, Signal, TenantGone
from streamer.store.engine import ShardLost
from tests.support.clock import run_for
from tests.support.memory import MemorySource, MemoryStore, tenant
from tests.support.pollers import poller_on

pytestmark = pytest.mark.looptime


class Owners:
    """Owners of the shard one after the other: each restores what the one before left."""

    def __init__(self, store: MemoryStore, source: MemorySource, tools: Tools) -> None:
        self.store = store
        self.source = source
        self.tools = tools

    async def next(self, **keys: Any) -> TenantPoller:
        """Take the shard over with this config of acme."""
        shard = await self.store.take_over(0, lambda: True)
        return poller_on(shard, config=tenant(**keys), source=self.source, tools=self.tools)

    async def run(self, seconds: float = 25.0, **keys: Any) -> TenantPoller:
        """Take the shard over with this config and poll for a while."""
        poller = await self.next(**keys)
        await run_for(seconds, poller.run())
        return poller


@pytest.fixture
def owners(store: MemoryStore, source: MemorySource, tools: Tools) -> Owners:
    return Owners(store, source, tools)


def carried_out(signals: list[Signal]) -> list[tuple[str, str, int]]:
    """Return which keys were carried out or refused."""
    return [(each.key, each.outcome, each.count) for each in signals if isinstance(each, OperatorKey)]


async def test_a_paused_tenant_is_not_polled_and_says_so(
    owners: Owners, source: MemorySource, store: MemoryStore
) -> None:
    """Its rows stay, and one record tells of the pause."""
    await owners.run()
    asked = len(source.requests)
    await owners.run(paused=True)
    await owners.run(paused=True)
    assert len(source.requests) == asked
    assert [each["health"] for each in store.reports()] == ["ok", "paused"]
    assert set(store.rows()) == {b"acme|a"}
    await owners.run()
    assert len(source.requests) > asked
    assert [each["health"] for each in store.reports()] == ["ok", "paused", "ok"]


async def test_a_resync_token_is_carried_out_once(owners: Owners, store: MemoryStore, signals: list[Signal]) -> None:
    """By whoever owns the shard first; a new token once more, an old one not: that owner's config is behind."""
    await owners.run()
    for token in ("t1", "t1", "t2", "t2", "t1"):
        await owners.run(resync=token)
    assert [each["change"] for each in store.events()] == ["baseline", "resync", "resync"]
    assert carried_out(signals) == [("resync", "done", 1)] * 2
    assert store.reports()[-1]["resync"] == "t2"


class LargeSource(MemorySource):
    """Shows as many agents as need a thread; `asked_in` holds the threads that asked what a status means.

    While it is `held`, who asks sets `asked` and waits until it is `released`, the event loop's own thread excepted.
    """

    def __init__(self, tools: Tools) -> None:
        super().__init__(clock=tools.clock, agents={f"a{number}": 4 for number in range(THREAD_FROM)})
        self.asked_in: set[int] = set()
        self.held = False
        self.released = threading.Event()
        self._loop, self._loops_own = asyncio.get_running_loop(), threading.get_ident()

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Answer as ever."""
        self.asked_in.add(threading.get_ident())
        if self.held:
            self._loop.call_soon_threadsafe(self.asked.set)
            if threading.get_ident() != self._loops_own:
                self.released.wait()
        return super().interpret(vendor)


async def test_a_large_tenant_is_repeated_beside_the_event_loop(
    owners: Owners, store: MemoryStore, tools: Tools
) -> None:
    """With the same result."""
    owners.source = source = LargeSource(tools)
    await (await owners.next()).poll()
    source.asked_in.clear()
    await (await owners.next(resync="t1", paused=True)).run()
    assert threading.get_ident() not in source.asked_in
    assert Counter(each["change"] for each in store.events()) == {"baseline": THREAD_FROM, "resync": THREAD_FROM}
    assert store.reports()[-1]["resync"] == "t1"


async def test_a_resync_that_is_cancelled_on_the_way_leaves_nothing(
    owners: Owners, store: MemoryStore, tools: Tools
) -> None:
    """What its thread goes on to make is dropped, and the next poller on the shard makes it anew, whole, once."""
    owners.source = source = LargeSource(tools)
    await (await owners.next()).poll()
    first = await owners.next(resync="t1", paused=True)
    source.held, before = True, len(store.commits)
    source.asked.clear()
    cancelled = asyncio.create_task(first.run())
    await source.asked.wait()
    cancelled.cancel()
    await asyncio.wait({cancelled})
    await asyncio.sleep(1)
    assert len(store.commits) == before
    source.held = False
    second = poller_on(first.ledger.shard, config=tenant(resync="t1", paused=True), source=source, tools=tools)
    await second.run()
    source.released.set()
    await asyncio.get_running_loop().shutdown_default_executor()  # the first thread has made it too
    assert cancelled.cancelled()
    assert {record.topic for commit in store.commits[before:] for record in commit} == {EVENTS, ROWS, TENANTS}
    assert [each["tenant_sequence"] for each in store.events()] == list(range(1, 2 * THREAD_FROM + 1))


async def test_a_resync_and_its_token_are_one_transaction(owners: Owners, store: MemoryStore) -> None:
    """Lost on the way, it is carried out after the next take-over, whole."""
    await owners.run()
    before = len(store.commits)
    store.commit_errors.append(ShardLost("timeout"))
    with pytest.raises(ShardLost):
        await owners.run(resync="t1")
    assert len(store.commits) == before
    await owners.run(resync="t1")
    assert [each.topic for each in store.commits[before]] == ["agent-status-changed", "agent-status", "tenant-status"]
    assert [each["sequence"] for each in store.events()] == [1, 2]


async def test_a_resync_before_the_first_snapshot_is_the_baseline(owners: Owners, store: MemoryStore) -> None:
    """Nothing is there to repeat; the token counts as carried out."""
    await owners.run(resync="t1")
    await owners.run(resync="t1")
    assert [each["change"] for each in store.events()] == ["baseline"]
    assert store.reports()[0]["resync"] == "t1"


async def test_forgetting_erases_every_row_and_leaves_a_mark(
    owners: Owners, source: MemorySource, store: MemoryStore, signals: list[Signal]
) -> None:
    """Nothing personal stays in the tables, the tenant is not polled, and it is done once."""
    await owners.run()
    asked = len(source.requests)
    await owners.run(forget=True)
    commits = len(store.commits)
    await owners.run(forget=True)
    assert len(store.commits) == commits
    assert store.rows() == {}
    assert (store.reports()[-1]["health"], store.reports()[-1]["agents"]) == ("forgotten", 0)
    assert len(source.requests) == asked
    assert carried_out(signals) == [("forget", "done", 1)]
    assert signals[-1] == TenantGone(tenant="acme", source="codes")


async def test_a_forgotten_tenant_that_comes_back_begins_with_a_baseline(owners: Owners, store: MemoryStore) -> None:
    """Its agents count from 1 again, the tenant goes on with its numbers: none is used twice."""
    await owners.run()
    await owners.run(forget=True)
    await owners.run()
    last = store.events()[-1]
    assert (last["change"], last["sequence"], last["tenant_sequence"]) == ("baseline", 1, 2)
    assert store.reports()[-1]["health"] == "ok"


async def test_a_tenant_without_agents_is_forgotten_too(
    owners: Owners, source: MemorySource, store: MemoryStore
) -> None:
    """It has no row, but a record that would else say `ok` for ever."""
    source.agents = {}
    await owners.run()
    await owners.run(forget=True)
    assert [each["health"] for each in store.reports()] == ["ok", "forgotten"]


async def test_forgetting_a_tenant_that_never_was_writes_nothing(
    owners: Owners, store: MemoryStore, signals: list[Signal]
) -> None:
    """There is nothing to leave a mark of."""
    await owners.run(forget=True)
    assert store.commits == []
    assert carried_out(signals) == []


async def test_agents_that_are_gone_can_be_forgotten_and_others_are_refused(
    owners: Owners, source: MemorySource, store: MemoryStore, signals: list[Signal]
) -> None:
    """One who is present would come back with the next poll; one who is unknown is no matter."""
    source.agents = {"a": 4, "b": 4}
    await owners.run(absent_after=1)
    del source.agents["b"]
    await owners.run(absent_after=1)
    await owners.run(absent_after=1, forget_agents=["a", "b", "c"])
    assert set(store.rows()) == {b"acme|a"}
    assert carried_out(signals) == [("forget_agents", "done", 1), ("forget_agents", "refused: still present", 1)]
    source.agents["b"] = 9
    await owners.run(absent_after=1, forget_agents=["b"])
    last = store.events()[-1]
    assert (last["agent"]["id"], last["change"], last["sequence"]) == ("b", "appeared", 1)


async def test_rows_of_another_source_stop_the_tenant_and_nothing_is_written(
    owners: Owners, source: MemorySource, store: MemoryStore, signals: list[Signal]
) -> None:
    """The ids would not match: every agent would seem to have gone."""
    await owners.run()
    commits, asked = len(store.commits), len(source.requests)
    source.name = "other-codes"
    await owners.run(resync="t1", forget_agents=["a"])
    assert (len(store.commits), len(source.requests)) == (commits, asked)
    [told] = [each for each in signals if isinstance(each, HealthChanged) and each.health == "unusable"]
    assert "source codes" in (told.advice or "")
    assert "other-codes" in (told.advice or "")
    await owners.run(forget=True)
    await owners.run()
    assert store.events()[-1]["change"] == "baseline"
    assert store.events()[-1]["source"] == "other-codes"


@pytest.mark.parametrize("key", [b"acme|a", b"acme|b", b"acme|\xff", b"acme"])
async def test_a_record_that_cant_be_read_stops_the_tenant_until_it_is_forgotten(
    owners: Owners, source: MemorySource, store: MemoryStore, signals: list[Signal], key: bytes
) -> None:
    """Nothing is written over it; its tenant alone is not polled; forgetting erases it whatever its key is."""
    await owners.run()
    asked = len(source.requests)
    store.write([Record(topic="tenant-status" if key == b"acme" else ROWS, key=key, value=b'{"torn')])
    commits = len(store.commits)
    await owners.run()
    assert (len(store.commits), len(source.requests)) == (commits, asked)
    [told] = [each for each in signals if isinstance(each, HealthChanged) and each.health == "unusable"]
    assert "can't be read" in (told.advice or "")
    await owners.run(forget=True)
    assert store.rows() == {}
    assert (await owners.next()).state.fault is None
    await owners.run()
    assert store.events()[-1]["change"] == "baseline"


async def test_a_record_that_cant_be_read_harms_no_other_tenant(
    owners: Owners, store: MemoryStore, tools: Tools
) -> None:
    """Its neighbour of the same shard is polled."""
    store.write([Record(topic=ROWS, key=b"acme|a", value=b"\xff")])
    shard = await store.take_over(0, lambda: True)
    other = MemorySource(clock=tools.clock, tenant_id="globex")
    pollers = [
        poller_on(shard, config=tenant("globex"), source=other, tools=tools),
        poller_on(shard, config=tenant(), source=owners.source, tools=tools),
    ]
    await run_for(25, *(each.run() for each in pollers))
    assert {each["tenant"] for each in store.events()} == {"globex"}


async def test_names_leave_the_topics_with_a_resync(owners: Owners, store: MemoryStore) -> None:
    """`agent_names: false` keeps them out of all that is written from then on, rows included."""
    named = {"a": 4}

    class Named(MemorySource):
        async def snapshot(self) -> Any:
            shown = await super().snapshot()
            agents = {each: msgspec.structs.replace(status, name="Padma") for each, status in shown.agents.items()}
            return msgspec.structs.replace(shown, agents=agents)

    owners.source = Named(clock=owners.tools.clock, agents=named)
    await owners.run()
    assert store.events()[0]["agent"]["name"] == "Padma"
    await owners.run(agent_names=False, resync="t1")
    named["a"] = 9
    await owners.run(agent_names=False, resync="t1")
    assert [each["agent"]["name"] for each in store.events()] == ["Padma", None, None]
    assert all(b"Padma" not in row for row in store.rows().values())
