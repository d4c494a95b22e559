"""The model's steps, played at random with the product's own code on a real broker, and judged by the oracle.

Two owners take one shard from each other, each request may be lost or come late, and any step may be left half done
while others go on. `STREAMER_TEST_SEED` repeats a run, `STREAMER_TEST_SCALE` plays so many times as many steps.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from streamer.store.engine import ShardLost
from streamer.store.kafka.deadlines import Deadlines
from streamer.store.shard import Update
from tests.mutations.scene import AWAY, BUSY, OFFLINE, READY, TENANT, Owner, Scene
from tests.support.kafka_proxy import Api, Fault, KafkaProxy
from tests.support.readers import KafkaReader
from tests.support.trial import SCALE, new_dice

STEPS = 60
OWNERS = 2
HASTY = Deadlines(request=0.6, commit=2.0, transaction=2.6, start=3.0, close=0.5, kill=0.5)

REQUESTS = [Api.END_TXN, Api.END_TXN, Api.PRODUCE, Api.ADD_PARTITIONS_TO_TXN, Api.INIT_PRODUCER_ID, Api.FETCH]


class Play:
    """The owners, what they are doing, and what happened so far."""

    def __init__(self, scene: Scene, proxy: KafkaProxy, dice: random.Random) -> None:
        self.happened: Counter[str] = Counter()
        self.steps = 0
        self._scene = scene
        self._proxy = proxy
        self._dice = dice
        self._owners: list[Owner | None] = [None] * OWNERS
        self._doing: list[asyncio.Task[None] | None] = [None] * OWNERS

    @property
    def was_enough(self) -> bool:
        """Whether something could have gone wrong; on a slow machine deadlines pass and most steps come to nothing."""
        return self.happened["taken over"] > 2 and self.happened["polled"] > 8

    async def go_on(self) -> None:
        """Take a step, and wait until it is done or for a moment, whatever the dice say."""
        self.steps += 1
        await self._dice.choice([self.truth, self.truth, self.truth, self.fault, self.late])()
        who = self._dice.randrange(OWNERS)
        doing = self._doing[who]
        if doing is not None and not doing.done():
            if self._dice.random() < 0.7:
                await asyncio.wait({doing}, timeout=5)
            else:
                await self.die(who)
            return
        step = self.own if self._owners[who] is None or self._dice.random() < 0.1 else self.poll
        if self._dice.random() < 0.1:
            step = self.heartbeat
        task = asyncio.create_task(step(who), name=f"{step.__name__} {who}")
        self._doing[who] = task
        await asyncio.wait({task}, timeout=self._dice.choice([0, 0.005, 0.02, 0.5, 5]))

    async def end(self) -> None:
        """Let what is half done come to its end."""
        self._proxy.forget()
        for task in filter(None, self._doing):
            with suppress(ShardLost):
                await task

    async def truth(self) -> None:
        """An agent's status changes."""
        agent = self._dice.choice(self._scene.agents)
        await self._scene.becomes(agent, self._dice.choice([READY, BUSY, AWAY, OFFLINE]))

    async def fault(self) -> None:
        """The next request of a kind meets a fault."""
        self._proxy.inject(self._dice.choice(REQUESTS), self._dice.choice(list(Fault)))

    async def late(self) -> None:
        """What was held back is delivered, whoever owns the shard by now."""
        await self._proxy.release()

    async def own(self, who: int) -> None:
        """Take the shard over, from the other or from oneself."""
        await self._drop(who)
        try:
            self._owners[who] = await self._scene.take_over()
        except ShardLost as lost:
            self.happened[f"no take-over: {lost.reason}"] += 1
        else:
            self.happened["taken over"] += 1

    async def poll(self, who: int) -> None:
        """Ask, compare and commit."""
        owner = self._owners[who]
        if owner is not None:
            lost = await owner.poll()
            self.happened[f"lost: {lost}" if lost else "polled"] += 1
            if lost:
                await self._drop(who)

    async def heartbeat(self, who: int) -> None:
        """Tell how far the stream is complete."""
        owner = self._owners[who]
        if owner is None or owner.poller.reporter.health is None or owner.shard.is_moving(TENANT):
            return
        record = owner.poller.reporter.record(owner.shard.state(TENANT))
        try:
            await owner.shard.commit(Update(records=(record,)))
        except ShardLost as lost:
            self.happened[f"lost: {lost.reason}"] += 1
            await self._drop(who)
        else:
            self.happened["told"] += 1

    async def die(self, who: int) -> None:
        """Drop everything in the middle of whatever is being done."""
        task, self._doing[who] = self._doing[who], None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        await self._drop(who)
        self.happened["died"] += 1

    async def _drop(self, who: int) -> None:
        owner, self._owners[who] = self._owners[who], None
        if owner is not None:
            await owner.shard.kill()


@pytest.mark.slow
@pytest.mark.timeout(300 * SCALE)
async def test_hand_overs_at_random_leave_a_stream_that_the_oracle_finds_nothing_in(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Whoever owned the shard when, whatever was lost, came late or was left half done."""
    async with KafkaProxy(kafka) as proxy:
        async with Scene(bootstrap=proxy.bootstrap, prefix=topic_prefix, folder=tmp_path, deadlines=HASTY) as scene:
            scene.reader = KafkaReader(kafka, topic_prefix)  # in good weather
            play = Play(scene, proxy, new_dice())
            while play.steps < STEPS * SCALE or not play.was_enough:
                await play.go_on()
            await play.end()
            verdict = await scene.end()
        print(play.happened, verdict)  # noqa: T201 - pytest shows it where it fails
    assert verdict.rules == set(), verdict
    assert verdict.counts.events > 4
