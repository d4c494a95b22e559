from __future__ import annotations

from math import inf
from typing import Any

import pytest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

from streamer.store.kafka import Deadlines
from streamer.store.kafka.lease import Lease

LIMITS = Deadlines(session=6.0, request=5.0)
HEARTBEAT = HeartbeatRequest("group", 3, "member")
JOIN = JoinGroupRequest("group", 6000, 6000, "member", None, "consumer", [])
SYNC = SyncGroupRequest("group", 3, "member", None, [])

OK, NOT_AVAILABLE, ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCING = 0, 15, 22, 25, 27


def joined(*, at: float) -> Lease:
    """Return the lease of a member whose join was answered at a moment."""
    lease = Lease(deadlines=LIMITS, now=at)
    assert not lease.heard(JOIN, OK, asked=at)
    assert not lease.heard(SYNC, OK, asked=at)
    return lease


def test_nobody_is_in_the_group_before_the_group_says_so() -> None:
    """That a join was answered is not enough: it may come to nothing."""
    lease = Lease(deadlines=LIMITS, now=10)
    lease.asked(JOIN, 10)
    lease.heard(JOIN, OK, asked=10)
    assert lease.until == -inf
    lease.heard(SYNC, OK, asked=11)
    assert (lease.until, lease.settled) == (17, 11)


def test_a_heartbeat_counts_from_when_it_was_sent() -> None:
    """The coordinator may have heard it then, and not later."""
    lease = joined(at=10)
    lease.heard(HEARTBEAT, OK, asked=20)
    assert (lease.until, lease.settled) == (26, 20)


def test_while_the_group_rebalances_a_heartbeat_keeps_us_in_but_does_not_settle_it() -> None:
    """Else a rebalance that never ends would never be noticed."""
    lease = joined(at=10)
    lease.heard(HEARTBEAT, REBALANCING, asked=20)
    assert (lease.until, lease.settled) == (26, 10)


@pytest.mark.parametrize("request_", [JOIN, SYNC])
def test_who_waits_for_a_rebalance_is_kept_until_it_must_have_ended(request_: Any) -> None:
    """No heartbeats are sent meanwhile; another member may keep all waiting for a session."""
    lease = joined(at=10)
    lease.asked(request_, 12)
    assert lease.until == 12 + LIMITS.join
    late = joined(at=10)
    late.asked(request_, 17)  # we were out of the group by then
    assert late.until == 16


@pytest.mark.parametrize("request_", [HEARTBEAT, JOIN, SYNC])
@pytest.mark.parametrize("code", [ILLEGAL_GENERATION, UNKNOWN_MEMBER])
def test_whom_the_coordinator_does_not_know_is_out_at_once(request_: Any, code: int) -> None:
    """So a replica that was frozen learns, with its first heartbeat, that others have its shards."""
    lease = joined(at=10)
    assert lease.heard(request_, code, asked=11)
    assert lease.until == -inf


def test_a_coordinator_that_was_not_in_order_is_not_sound() -> None:
    """The cluster is at fault then, not the group, and no restart of ours would mend it."""
    lease = Lease(deadlines=LIMITS, now=10)
    said = [lease.sound]
    for request, code in ((JOIN, OK), (SYNC, NOT_AVAILABLE), (JOIN, OK)):
        assert not lease.heard(request, code, asked=12)
        said.append(lease.sound)
    assert said == [False, True, False, False]
