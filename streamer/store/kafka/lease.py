"""How long the group counts us in, as far as can be told from what its coordinator and we said to each other."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import (
    IllegalGenerationError,
    MemberIdRequired,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

if TYPE_CHECKING:
    from streamer.store.kafka.deadlines import Deadlines

OF_GROUPS: Final = (HeartbeatRequest, JoinGroupRequest, SyncGroupRequest)
"""The requests whose answers a lease is made of; other answers have no `error_code`, or mean something else by it."""

_OK: Final = 0
_EXPELLED: Final = (IllegalGenerationError.errno, UnknownMemberIdError.errno)
_OF_A_SOUND_ONE: Final = (_OK, *_EXPELLED, RebalanceInProgressError.errno, MemberIdRequired.errno)


class Lease:
    """Learns from each request to the coordinator and its answer; all moments are of the monotonic clock, in seconds.

    `until`: so long the coordinator keeps our shards for us. `settled`: when it last said that the group stands and we
    are in it. `sound`: whether it answered, and never that it is not in order itself, as one without replicas does.
    """

    def __init__(self, *, deadlines: Deadlines, now: float) -> None:
        self.until = -inf
        self.settled = now
        self._answers: set[bool] = set()
        self._deadlines = deadlines

    @property
    def sound(self) -> bool:
        """Whether what is wrong is not the coordinator's fault."""
        return self._answers == {True}

    def asked(self, request: Any, now: float) -> None:
        """Take note of a request that is sent. The coordinator keeps who waits for a rebalance to end."""
        if isinstance(request, JoinGroupRequest | SyncGroupRequest) and now < self.until:
            self.until = max(self.until, now + self._deadlines.join)

    def heard(self, request: Any, code: int, *, asked: float) -> bool:
        """Take the answer to one of `OF_GROUPS`, sent at `asked`; tell whether it says that we are out of the group."""
        if code in _EXPELLED:
            self.until = -inf
        self._answers.add(code in _OF_A_SOUND_ONE)
        if code == _OK and not isinstance(request, JoinGroupRequest):
            self.settled = asked
            self.until = asked + self._deadlines.session
        elif code == RebalanceInProgressError.errno and isinstance(request, HeartbeatRequest):
            self.until = asked + self._deadlines.session
        return code in _EXPELLED
