from __future__ import annotations

from streamer.service.readiness import Readiness
from streamer.signals import (
    GroupHeard,
    GroupSilent,
    HealthChanged,
    PollFinished,
    ShardDropped,
    ShardTaken,
    TakeOverFailed,
)


def taken(shard: int) -> ShardTaken:
    """Return the signal that a shard is served."""
    return ShardTaken(shard=shard, seconds=0.1, tenants=1, agents=1)


def serving(*shards: int) -> Readiness:
    """Return the readiness of a process that serves its shards."""
    readiness = Readiness()
    readiness.own(frozenset(shards))
    for shard in shards:
        readiness(taken(shard))
    return readiness


def test_before_the_store_was_reached_nothing_is_ready() -> None:
    """And it says why not."""
    readiness = Readiness()
    assert readiness.missing() == {"store": "not reached yet"}
    readiness.store_failed("no route to host")
    assert readiness.missing() == {"store": "no route to host"}


def test_each_shard_must_be_taken_over_first() -> None:
    """Ready is who serves all that it owns."""
    readiness = Readiness()
    readiness.own(frozenset({0, 1}))
    readiness(taken(0))
    assert readiness.missing() == {"shard 1": "not taken over yet"}
    readiness(taken(1))
    assert readiness.missing() == {}


def test_who_owns_nothing_is_ready() -> None:
    """A replica in reserve is no fault."""
    assert serving().missing() == {}


def test_a_lost_shard_makes_it_unready_until_it_is_taken_over_again() -> None:
    """With the newest reason."""
    readiness = serving(0, 1)
    readiness(ShardDropped(shard=1, reason="tainted"))
    assert readiness.missing() == {"shard 1": "tainted"}
    readiness(TakeOverFailed(shard=1, reason="timeout: no answer", retry_in=1.0))
    assert readiness.missing() == {"shard 1": "timeout: no answer"}
    readiness(taken(1))
    assert readiness.missing() == {}


def test_who_does_not_hear_the_group_is_not_ready() -> None:
    """Even without a change to commit, and even with no shard: another may have what is ours."""
    readiness = Readiness()
    readiness(GroupSilent(reason="not joined yet"))
    assert readiness.missing() == {"group": "not joined yet"}
    readiness.own(frozenset({0}))
    readiness(GroupHeard())
    assert readiness.missing() == {"shard 0": "not taken over yet"}
    readiness(taken(0))
    readiness(GroupSilent(reason="not heard any more"))
    assert readiness.missing() == {"group": "not heard any more"}


def test_a_shard_that_went_elsewhere_is_no_matter_of_ours() -> None:
    """Whatever its keeper still says while it gives it up."""
    readiness = serving(0, 1)
    readiness.own(frozenset({0}))
    readiness(ShardDropped(shard=1, reason="stopped"))
    assert readiness.missing() == {}


def test_a_shard_that_stays_while_others_come_stays_served() -> None:
    """Only the new one is waited for."""
    readiness = serving(0)
    readiness.own(frozenset({0, 1}))
    assert readiness.missing() == {"shard 1": "not taken over yet"}


def test_an_outage_of_the_vendors_is_not_asked_about() -> None:
    """Restarting us would mend nothing."""
    readiness = serving(0)
    readiness(PollFinished(tenant="acme", source="codes", outcome="timeout", seconds=5.0, finished=0, error="no"))
    readiness(HealthChanged(tenant="acme", source="codes", before="ok", health="failing", advice="no"))
    assert readiness.missing() == {}
