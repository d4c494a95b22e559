"""A kept shard follows its roster: what changed takes effect, what did not is not touched."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from streamer.config import AgentStatus8x8
from streamer.model import Snapshot
from streamer.polling.keeper import ShardKeeper
from streamer.polling.roster import Roster
from streamer.polling.tools import GRACE, Tools
from streamer.signals import HealthChanged, OperatorKey, Signal, TenantGone, UnconfiguredTenants
from streamer.sources.errors import PollError
from streamer.store.engine import ShardLost
from tests.support.clock import LoopClock, running
from tests.support.memory import MemorySource, MemoryStore, MemoryVendors, tenant

pytestmark = pytest.mark.looptime

REFUSED = PollError("auth_failed", "401 Unauthorized")
BUSY = PollError("rate_limited", "429 Too Many Requests", retry_after=100.0)


class Kept:
    """A shard that is kept, and the roster that says on what it works."""

    def __init__(self, store: MemoryStore, vendors: MemoryVendors, tools: Tools, signals: list[Signal]) -> None:
        self.store = store
        self.vendors = vendors
        self.signals = signals
        self.roster = Roster([], shards=1)
        self.keeper = ShardKeeper(0, store=store, roster=self.roster, make_source=vendors.make, tools=tools)

    def assign(self, *tenants: AgentStatus8x8, touched: tuple[str, ...] = ()) -> None:
        """Take a new config into use."""
        self.roster.replace(tenants, touched=touched)

    def health(self, name: str) -> str:
        """Return what was last reported of a tenant."""
        [*_, last] = [each["health"] for each in self.store.reports() if each["tenant"] == name]
        return str(last)

    def changes(self, name: str) -> list[str]:
        """Return the changes of a tenant's agents that were published."""
        return [each["change"] for each in self.store.events() if each["tenant"] == name]

    def told(self, *kinds: type) -> list[Any]:
        """Return the signals of some kinds."""
        return [each for each in self.signals if isinstance(each, kinds)]


@pytest.fixture
def vendors(clock: LoopClock) -> MemoryVendors:
    return MemoryVendors(clock)


@pytest.fixture
def kept(store: MemoryStore, vendors: MemoryVendors, tools: Tools, signals: list[Signal]) -> Kept:
    return Kept(store, vendors, tools, signals)


def spans(requests: list[float]) -> set[float]:
    """Return the times from one request to the next."""
    return {round(later - earlier, 3) for earlier, later in pairwise(requests)}


async def test_tenants_come_and_go_and_the_others_do_not_notice(kept: Kept) -> None:
    """Same source, same phase, not a poll missed, whatever befalls its neighbours."""
    kept.assign(tenant("acme"), tenant("globex"))
    async with running(kept.keeper.run()):
        await asyncio.sleep(30)
        kept.assign(tenant("acme"), tenant("globex"), tenant("hooli"))
        await asyncio.sleep(30)
        kept.assign(tenant("acme"), tenant("globex", absent_after=5), tenant("hooli"))
        await asyncio.sleep(30)
        kept.assign(tenant("acme"), tenant("hooli"))
        await asyncio.sleep(30)
        kept.assign(tenant("acme"), touched=("globex",))
        await asyncio.sleep(30)
    assert [len(kept.vendors.of(name)) for name in ("acme", "globex", "hooli")] == [1, 2, 1]
    first, *ticks = kept.vendors.requests("acme")
    assert spans(ticks) == {10.0}
    assert len(ticks) == 14
    assert first < ticks[0]
    assert 58 < max(kept.vendors.requests("globex")) <= 90 < max(kept.vendors.requests("hooli")) <= 120


async def test_a_tenant_that_is_taken_out_is_unconfigured_at_once_and_takes_its_rows_up_again(kept: Kept) -> None:
    """It is counted, its series go, its rows stay; back again, it goes on where it was."""
    kept.assign(tenant("acme"), tenant("globex"))
    async with running(kept.keeper.run()):
        await asyncio.sleep(20)
        kept.assign(tenant("acme"))
        await asyncio.sleep(1.5)
        assert kept.health("globex") == "unconfigured"
        assert kept.told(UnconfiguredTenants) == [UnconfiguredTenants(shard=0, count=1)]
        assert kept.told(TenantGone) == [TenantGone(tenant="globex", source="codes")]
        asked = len(kept.vendors.requests("globex"))
        kept.vendors.agents["globex"]["a"] = 9
        await asyncio.sleep(60)
        assert len(kept.vendors.requests("globex")) == asked
        kept.assign(tenant("acme"), tenant("globex"))
        await asyncio.sleep(15)
        assert kept.health("globex") == "ok"
        assert kept.told(UnconfiguredTenants)[1:] == [UnconfiguredTenants(shard=0, count=0)]
    assert kept.changes("globex") == ["baseline", "changed"]
    assert [each["sequence"] for each in kept.store.events() if each["tenant"] == "globex"] == [1, 2]


async def test_a_tenant_without_rows_leaves_nothing(kept: Kept) -> None:
    """It was never polled well: there is nothing to tell."""
    kept.vendors.down = PollError("unreachable", "no route")
    kept.assign(tenant("acme"))
    async with running(kept.keeper.run()):
        await asyncio.sleep(25)
        assert kept.health("acme") == "failing"
        kept.assign()
        await asyncio.sleep(200)
        assert kept.told(UnconfiguredTenants) == []
        assert kept.told(TenantGone)[0].tenant == "acme"
        assert {each["health"] for each in kept.store.reports()} == {"failing"}
        assert len(kept.store.reports()) == 1


async def test_never_two_polls_of_a_tenant_at_once(kept: Kept, store: MemoryStore) -> None:
    """However often it changes while answers and commits are under way; nothing is told twice or lost (I4, I5)."""
    kept.vendors.seconds, store.seconds = 0.9, 0.7
    kept.assign(tenant(interval=1000))
    most = 0
    async with running(kept.keeper.run()):
        for step in range(300):
            await asyncio.sleep(0.37)
            most = max(most, kept.vendors.under_way("acme"))
            kept.vendors.agents["acme"]["a"] = (4, 9, 3)[step % 3]
            if step % 8 == 0 or step % 27 == 0:
                kept.assign(tenant(interval=1000, absent_after=1 + step % 5))
        await asyncio.sleep(10)
    assert most == 1
    assert store.history == ["taken", "closed"]
    chain = [(each["previous"], each["current"]) for each in store.events()]
    assert len(chain) > 10
    assert all(earlier[1] == later[0] for earlier, later in pairwise(chain))
    assert chain[-1][1]["vendor"]["code"] == kept.vendors.agents["acme"]["a"]


async def test_a_new_poller_waits_for_the_old_ones_commit(kept: Kept, store: MemoryStore, clock: LoopClock) -> None:
    """It compares with what that commit leaves, not with what was before it."""
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(25)
        store.seconds = 4.0
        kept.vendors.agents["acme"]["a"] = 9
        kept.vendors.made[0].asked.clear()
        await kept.vendors.made[0].asked.wait()
        await asyncio.sleep(0.1)
        began = clock.monotonic()
        kept.assign(tenant(absent_after=4))
        await asyncio.sleep(20)
    assert kept.vendors.of("acme")[1].requests[0] == pytest.approx(began + 3.92, abs=0.01)
    assert kept.changes("acme") == ["baseline", "changed"]


async def test_a_tenant_whose_first_commit_is_under_way_when_it_is_taken_out_is_unconfigured(
    kept: Kept, store: MemoryStore
) -> None:
    """Its rows are there a moment later, and so it is not silently gone."""
    store.seconds = 2.0
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(1.0)
        assert store.events() == []
        kept.assign()
        await asyncio.sleep(6)
        assert kept.changes("acme") == ["baseline"]
        assert kept.health("acme") == "unconfigured"
        assert kept.told(UnconfiguredTenants) == [UnconfiguredTenants(shard=0, count=1)]


async def test_an_answer_to_the_old_poller_is_dropped(kept: Kept) -> None:
    """Its request was sent under another config: another account, perhaps."""
    kept.vendors.seconds = 3.0
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(1)
        kept.vendors.agents["acme"] = {"b": 4}  # what the new account shows
        kept.assign(tenant(username="another"))
        await asyncio.sleep(20)
    assert [each["agent"]["id"] for each in kept.store.events()] == ["b"]


@pytest.mark.parametrize("change", ["secret", "config"])
async def test_a_changed_secret_or_config_unparks_at_once(kept: Kept, clock: LoopClock, change: str) -> None:
    """Else a parked tenant looks again every five minutes."""
    kept.vendors.down = REFUSED
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(60)
        assert kept.health("acme") == "auth_failed"
        assert len(kept.vendors.requests("acme")) == 2
        kept.vendors.down, began = None, clock.monotonic()
        if change == "secret":
            kept.assign(tenant(), touched=("acme",))
        else:
            kept.assign(tenant(absent_after=4))
        await asyncio.sleep(5)
        assert kept.vendors.of("acme")[1].requests[0] - began < 1
        assert kept.health("acme") == "ok"


async def test_what_is_still_wrong_parks_again_after_two_refusals(kept: Kept) -> None:
    """The same manners as before, so that no account is locked."""
    kept.vendors.down = REFUSED
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(60)
        kept.assign(tenant(), touched=("acme",))
        await asyncio.sleep(250)
    assert len(kept.vendors.of("acme")[1].requests) == 2


async def test_a_vendors_wish_to_be_left_alone_outlives_the_poller(kept: Kept, clock: LoopClock) -> None:
    """Whatever changed on our side, Retry-After is honoured: after a change, a take-over, and for one that comes back."""
    kept.vendors.down = BUSY
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(1)
        asked = clock.monotonic()
        kept.assign(tenant(absent_after=4))
        await asyncio.sleep(20)
        kept.store.commit_errors.append(ShardLost("timeout"))
        kept.assign(tenant("globex"), tenant(absent_after=4))
        await asyncio.sleep(20)
        assert kept.store.history == ["taken", "killed", "taken"]
        kept.assign(tenant("globex"))
        await asyncio.sleep(20)
        kept.assign(tenant("globex"), tenant(absent_after=5))
        await asyncio.sleep(20)
        assert len(kept.vendors.requests("acme")) == 1
        await asyncio.sleep(60)
    assert kept.vendors.requests("acme")[1] > asked + 98


async def test_another_account_knows_nothing_of_the_wish(kept: Kept) -> None:
    """It is polled at once."""
    kept.vendors.down = BUSY
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(10)
        kept.vendors.down = None
        kept.assign(tenant(username="another"))
        await asyncio.sleep(2)
        assert kept.health("acme") == "ok"


async def test_a_rate_holds_across_a_change(kept: Kept) -> None:
    """The vendor counts requests whoever makes them; a new rate counts from the last one."""
    kept.assign(tenant(interval=30_000, rate="2/m"))
    async with running(kept.keeper.run()):
        await asyncio.sleep(45)
        kept.assign(tenant(interval=30_000, rate="2/m", absent_after=4))
        await asyncio.sleep(40)
        kept.assign(tenant(interval=30_000, rate="6/m"))
        await asyncio.sleep(60)
    before, changed, faster = (each.requests for each in kept.vendors.of("acme"))
    assert changed[0] - before[-1] >= 30 - 1e-9
    assert 10 - 1e-9 <= faster[0] - changed[-1] < 30


async def test_what_was_seen_but_not_told_is_told_by_the_next_poller(kept: Kept) -> None:
    """The widest gap since the last record: else the promise of `resolution_ms` would be a lie."""
    kept.assign(tenant(heartbeat="60s"))
    async with running(kept.keeper.run()):
        await asyncio.sleep(5)
        kept.vendors.made[0].errors.extend([PollError("unreachable", "no route")])
        await asyncio.sleep(30)
        kept.assign(tenant(heartbeat="60s", absent_after=4))
        await asyncio.sleep(60)
    assert kept.store.reports()[1]["resolution_ms"] > 15_000


async def test_operators_keys_take_effect_without_a_restart_and_once(kept: Kept) -> None:
    """In one life of the shard: paused and on again, resync once a token, an agent forgotten, then the tenant."""
    kept.vendors.agents["acme"] = {"a": 4, "b": 4}
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(20)
        kept.assign(tenant(paused=True))
        await asyncio.sleep(5)
        assert kept.health("acme") == "paused"
        asked = len(kept.vendors.requests("acme"))
        del kept.vendors.agents["acme"]["b"]
        await asyncio.sleep(60)
        assert len(kept.vendors.requests("acme")) == asked
        kept.assign(tenant())
        await asyncio.sleep(45)
        assert kept.health("acme") == "ok"
        for token in ("t1", "t1", "t2"):
            kept.assign(tenant(resync=token))
            kept.assign(tenant(resync=token), touched=("acme",))
            await asyncio.sleep(5)
        kept.assign(tenant(resync="t2", forget_agents=["a", "b"]))
        await asyncio.sleep(5)
        assert set(kept.store.rows()) == {b"acme|a"}
        kept.assign(tenant(resync="t2", forget=True))
        await asyncio.sleep(5)
        assert (kept.health("acme"), kept.store.rows()) == ("forgotten", {})
        kept.assign()
        await asyncio.sleep(5)
        kept.assign(tenant())
        await asyncio.sleep(5)
    assert kept.changes("acme") == ["baseline", "baseline", "disappeared", "resync", "resync", "baseline"]
    carried_out = [(each.key, each.outcome) for each in kept.told(OperatorKey)]
    assert carried_out == [
        ("resync", "done"),
        ("resync", "done"),
        ("forget_agents", "done"),
        ("forget_agents", "refused: still present"),
        ("forget", "done"),
    ]
    assert kept.told(UnconfiguredTenants) == []


async def test_a_mass_disappearance_is_accepted_while_it_is_held(kept: Kept, clock: LoopClock) -> None:
    """The quarantine is part of the tenant's state, which a new poller goes on with."""
    kept.vendors.agents["acme"] = {f"a{number}": 4 for number in range(20)}
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(20)
        kept.vendors.agents["acme"].clear()
        await asyncio.sleep(60)
        assert kept.health("acme") == "degraded"
        kept.assign(tenant(accept_shrink_until=clock.wall() + 3_600_000))
        await asyncio.sleep(30)
    assert kept.changes("acme").count("disappeared") == 20


async def test_another_source_than_the_rows_have_is_unusable_until_it_is_set_back(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written meanwhile, and the metric can tell."""
    kept.assign(tenant())
    async with running(kept.keeper.run()):
        await asyncio.sleep(20)
        with monkeypatch.context() as patched:
            patched.setattr(MemorySource, "name", "another")
            kept.assign(tenant(absent_after=4))
            await asyncio.sleep(20)
        assert kept.told(HealthChanged)[-1].health == "unusable"
        kept.assign(tenant())
        await asyncio.sleep(20)
        assert kept.told(HealthChanged)[-1].health == "ok"
    assert kept.changes("acme") == ["baseline"]


async def test_a_config_that_changes_while_the_shard_is_lost_is_the_one_it_goes_on_with(kept: Kept) -> None:
    """Whoever takes over reads the roster then; a tenant that went meanwhile leaves no series."""
    kept.assign(tenant("acme"), tenant("globex"))
    async with running(kept.keeper.run()):
        await asyncio.sleep(20)
        kept.store.take_over_errors.append(ShardLost("timeout"))
        kept.store.commit_errors.append(ShardLost("timeout"))
        kept.vendors.agents["acme"]["a"] = 9
        await kept.store.failed.wait()
        await asyncio.sleep(0.1)
        kept.assign(tenant("acme"), tenant("hooli"))
        await asyncio.sleep(30)
        assert kept.store.history == ["taken", "killed", "taken"]
        assert TenantGone(tenant="globex", source="codes") in kept.signals
        assert kept.health("globex") == "unconfigured"
        assert (kept.changes("acme"), kept.changes("hooli")) == (["baseline", "changed"], ["baseline"])


async def test_a_fault_of_ours_in_a_source_keeps_nobody_else_from_the_new_config(kept: Kept) -> None:
    """It is tried again, and the next config mends it."""
    make = kept.vendors.make

    def faulty(config: Any, pace: Any) -> MemorySource:
        if config.id == "acme" and config.absent_after == 9:
            raise KeyError("absent_after")
        return make(config, pace)

    kept.keeper._make_source = faulty
    kept.assign(tenant("acme", absent_after=9), tenant("globex"))
    async with running(kept.keeper.run()):
        await asyncio.sleep(10)
        assert (kept.changes("acme"), kept.changes("globex")) == ([], ["baseline"])
        kept.assign(tenant("acme"), tenant("globex"))
        await asyncio.sleep(10)
    assert kept.changes("acme") == ["baseline"]


async def test_a_source_that_does_not_end_holds_up_its_own_tenant_alone(kept: Kept) -> None:
    """Its deadline ends it, and there is no other poll of that tenant before."""

    class Stubborn(MemorySource):
        async def snapshot(self) -> Snapshot:
            try:
                return await super().snapshot()
            finally:
                await asyncio.sleep(3600)

    make = kept.vendors.make

    def stubborn(config: Any, pace: Any) -> MemorySource:
        source = make(config, pace)
        if config.absent_after == 9:
            source.__class__ = Stubborn
        return source

    kept.keeper._make_source = stubborn
    kept.vendors.seconds = 4.0
    kept.assign(tenant("acme", absent_after=9))
    async with running(kept.keeper.run()):
        await asyncio.sleep(1)
        kept.assign(tenant("acme"), tenant("globex"))
        kept.vendors.seconds = 0.02
        await asyncio.sleep(1)
        kept.assign(tenant("acme", absent_after=4), tenant("globex"))
        await asyncio.sleep(1)
        assert kept.changes("globex") == ["baseline"]
        await asyncio.sleep(10)
    cut_off = 5 + GRACE
    assert kept.vendors.requests("acme")[:2] == [0, pytest.approx(cut_off)]
    assert kept.changes("acme") == ["baseline"]
