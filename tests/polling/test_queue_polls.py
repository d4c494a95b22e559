"""Queues within a poll, in virtual time: agents first, and nothing that befalls queues is felt by them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import orjson
import pytest

from streamer.clock import Clock
from streamer.events.record import QUEUES, Record
from streamer.model import Queue, QueueGauges, QueueSnapshot, Window
from streamer.polling.standing import Standing
from streamer.polling.tools import Tools
from streamer.signals import FieldsUnknown, PollFinished, QueuesPolled, Signal
from streamer.sources.errors import PollError
from tests.polling.conftest import MakePoller
from tests.support.clock import LoopClock, run_for
from tests.support.memory import MemorySource, MemoryStore, tenant
from tests.support.pollers import poller_on

pytestmark = pytest.mark.looptime


class MemoryQueues:
    """Queues by id, and how many wait in each, unless the next of `errors` or `down` is raised; `asked` when."""

    def __init__(self, clock: Clock) -> None:
        self.waiting = {"sales": 0, "chat": 0}
        self.errors: deque[Exception] = deque()
        self.down: Exception | None = None
        self.seconds = 0.02
        self.unknown: frozenset[str] = frozenset()
        self.asked: list[float] = []
        self.deadlines: list[float] = []
        self._clock = clock

    async def snapshot(self, *, deadline: float) -> QueueSnapshot:
        """Answer as the test wants it."""
        start = self._clock.wall()
        self.asked.append(self._clock.monotonic())
        self.deadlines.append(deadline)
        await asyncio.sleep(self.seconds)
        if error := self.errors.popleft() if self.errors else self.down:
            raise error
        shown = {
            id_: Queue(id=id_, name=None, media=None, type=None, gauges=QueueGauges(waiting=waiting))
            for id_, waiting in self.waiting.items()
        }
        return QueueSnapshot(window=Window(start, self._clock.wall()), queues=shown, unknown_fields=self.unknown)


@pytest.fixture
def queues(source: MemorySource, clock: LoopClock) -> MemoryQueues:
    """The queues of tenant acme."""
    source.queues = queues = MemoryQueues(clock)
    return queues


def topics(commit: list[Record]) -> list[str]:
    """Return which topics a transaction wrote to."""
    return [each.topic for each in commit]


def rows(store: MemoryStore) -> dict[bytes, Any]:
    """Return the table of queues, how many wait in each."""
    newest = {each.key: each.value for commit in store.commits for each in commit if each.topic == QUEUES}
    return {key: orjson.loads(value)["gauges"]["waiting"] for key, value in newest.items() if value is not None}


def told(signals: list[Signal]) -> list[QueuesPolled]:
    """Return what was told of queues."""
    return [each for each in signals if isinstance(each, QueuesPolled)]


async def test_agents_are_committed_before_queues_are_asked_for(
    make_poller: MakePoller, store: MemoryStore, queues: MemoryQueues, signals: list[Signal]
) -> None:
    """Two transactions of one poll; the second is told by a signal of its own."""
    await make_poller().poll()
    agents, gauges = store.commits
    assert topics(agents) == ["agent-status-changed", "agent-status", "tenant-status"]
    assert topics(gauges) == [QUEUES, QUEUES]
    assert queues.asked[0] >= 0.025, "the agents' answer and commit"
    assert told(signals) == [QueuesPolled(tenant="acme", source="codes", outcome="ok", written=2)]
    assert [each.outcome for each in signals if isinstance(each, PollFinished)] == ["ok"]


async def test_fields_of_queues_that_no_document_shows_are_told_of(
    make_poller: MakePoller, queues: MemoryQueues, signals: list[Signal]
) -> None:
    """As those of agents are; the rows are written all the same."""
    queues.unknown = frozenset({"queues[].mood"})
    await make_poller().poll()
    assert FieldsUnknown(tenant="acme", source="codes", fields=queues.unknown) in signals
    assert [each.written for each in told(signals)] == [2]


async def test_queues_that_did_not_move_cost_no_transaction(
    make_poller: MakePoller, store: MemoryStore, queues: MemoryQueues
) -> None:
    """Nor does anything else that happens to be still."""
    poller = make_poller()
    for _ in range(5):
        await poller.poll()
    assert (len(store.commits), len(queues.asked)) == (2, 5)


async def test_without_queues_nothing_is_asked_and_told(
    make_poller: MakePoller, store: MemoryStore, signals: list[Signal]
) -> None:
    """That is how every other source is, and the default."""
    await make_poller().poll()
    assert len(store.commits) == 1
    assert told(signals) == []


@pytest.mark.parametrize("error", [PollError("timeout", "no"), PollError("invalid_body", "$: no"), ValueError("odd")])
async def test_queues_that_fail_are_counted_and_leave_agents_alone(
    make_poller: MakePoller, store: MemoryStore, queues: MemoryQueues, signals: list[Signal], error: Exception
) -> None:
    """Health, schedule and changes are as if there were no queues; rows stay as they were."""
    poller = make_poller()
    source = cast("MemorySource", poller.source)
    await poller.poll()
    queues.down = error
    for code in (9, 4, 9):
        source.agents["a"] = code
        assert await poller.poll() == 0.0
        await asyncio.sleep(60)
    assert [each["change"] for each in store.events()] == ["baseline", "changed", "changed", "changed"]
    assert {each["health"] for each in store.reports()} == {"ok"}
    assert rows(store) == {b"acme|sales": 0, b"acme|chat": 0}
    failed = told(signals)[1:]
    assert len(failed) == 3
    assert {each.outcome for each in failed} == {error.outcome if isinstance(error, PollError) else "internal_error"}


async def test_queues_that_never_answer_are_cut_off(
    make_poller: MakePoller, queues: MemoryQueues, signals: list[Signal]
) -> None:
    """A second beyond the poll's timeout, should the source not keep to it itself."""
    queues.seconds = 1000
    began = asyncio.get_running_loop().time()
    await make_poller(timeout=3000).poll()
    assert asyncio.get_running_loop().time() - began == pytest.approx(4, abs=0.1)
    assert [each.outcome for each in told(signals)] == ["timeout"]


async def test_queues_have_what_is_left_of_the_polls_time(
    make_poller: MakePoller, source: MemorySource, queues: MemoryQueues
) -> None:
    """One `timeout` for both requests, from when the first was sent."""
    source.seconds = 2
    await make_poller(timeout=5000).poll()
    assert queues.deadlines == [pytest.approx(5.0)]


async def test_a_poll_that_failed_asks_for_no_queues(
    make_poller: MakePoller, source: MemorySource, queues: MemoryQueues
) -> None:
    """A vendor in trouble is not asked twice."""
    source.down = PollError("server_error", "no")
    await make_poller().poll()
    assert queues.asked == []


async def test_a_vendors_wish_is_kept_for_queues_alone(
    make_poller: MakePoller, source: MemorySource, queues: MemoryQueues
) -> None:
    """`Retry-After`: agents are polled meanwhile, queues not before it is over."""
    queues.errors.append(PollError("rate_limited", "no", 100))
    await run_for(300, make_poller(interval=10_000).run())
    first, second, *_ = queues.asked
    assert 100 <= second - first <= 121
    assert len(source.requests) == 30
    assert len(queues.asked) >= 18


async def test_a_wish_outlives_the_poller_and_a_failure_does_not(
    make_poller: MakePoller, queues: MemoryQueues, tools: Tools
) -> None:
    """As of polls: a changed config may have mended what failed."""
    config = tenant()
    standing = Standing(config, clock=tools.clock)
    queues.errors.extend([PollError("auth_failed", "no"), PollError("auth_failed", "no")])
    poller = make_poller(standing=standing)
    await poller.poll()
    await asyncio.sleep(60)
    await poller.poll()
    await poller.poll()
    assert len(queues.asked) == 2, "parked"
    standing = standing.renewed(config)
    queues.errors.append(PollError("rate_limited", "no", 100))
    await make_poller(standing=standing).poll()
    assert len(queues.asked) == 3
    await make_poller(standing=standing.renewed(config)).poll()
    assert len(queues.asked) == 3, "asked to wait"


async def test_rows_are_written_once_a_minute_and_at_once_when_somebody_waits(
    make_poller: MakePoller, store: MemoryStore, queues: MemoryQueues
) -> None:
    """Ten minutes of a queue that moves with every poll; the other stands still."""

    async def move() -> None:
        for waiting in range(5, 1000):
            queues.waiting["sales"] = waiting
            await asyncio.sleep(1)

    queues.waiting["sales"] = 3
    poller = make_poller(interval=5000)
    await run_for(600, poller.run(), move())
    written = [each.key for commit in store.commits for each in commit if each.topic == QUEUES]
    assert written.count(b"acme|chat") == 1
    assert written.count(b"acme|sales") == 10
    commits = len(store.commits)
    queues.waiting["sales"] = 0
    await poller.poll()
    assert len(store.commits) == commits + 1
    assert rows(store) == {b"acme|sales": 0, b"acme|chat": 0}


Handed = Callable[..., Any]


@pytest.fixture
def hand_over(store: MemoryStore, source: MemorySource, tools: Tools) -> Handed:
    """Take the shard over and poll for a while with this config."""

    async def hand(seconds: float = 25.0, **keys: Any) -> None:
        shard = await store.take_over(0, lambda: True)
        await run_for(seconds, poller_on(shard, config=tenant(**keys), source=source, tools=tools).run())

    return hand


async def test_a_new_owner_repeats_no_row_and_counts_anew_who_is_missing(
    hand_over: Handed, store: MemoryStore, queues: MemoryQueues
) -> None:
    """It knows the rows; a queue that went away in between is erased."""
    await hand_over()
    del queues.waiting["chat"]
    await hand_over()
    await hand_over(35.0)
    written = [(each.key, each.value) for commit in store.commits for each in commit if each.topic == QUEUES]
    assert [key for key, _ in written] == [b"acme|chat", b"acme|sales", b"acme|chat"]
    assert written[-1] == (b"acme|chat", None)


async def test_queues_that_are_switched_off_are_erased(
    hand_over: Handed, store: MemoryStore, source: MemorySource, queues: MemoryQueues
) -> None:
    """Nothing would ever put them right; agents' rows stay. A pause erases nothing."""
    await hand_over()
    await hand_over(paused=True)
    assert set(rows(store)) == {b"acme|sales", b"acme|chat"}
    source.queues = None
    await hand_over()
    assert rows(store) == {}
    assert set(store.rows()) == {b"acme|a"}
    source.queues = queues
    await hand_over()
    assert set(rows(store)) == {b"acme|sales", b"acme|chat"}


async def test_a_forgotten_tenants_queues_are_erased(
    hand_over: Handed, store: MemoryStore, queues: MemoryQueues
) -> None:
    """With its agents' rows, in one transaction."""
    await hand_over()
    await hand_over(forget=True)
    assert (rows(store), store.rows()) == ({}, {})
    assert sorted(set(topics(store.commits[-1]))) == ["agent-status", QUEUES, "tenant-status"]
    assert len(queues.asked) == 3
