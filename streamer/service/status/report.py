"""The answer of `/api/v1/tenants`: what the board knows, beside the config's tenants in the shards that are ours."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, Literal, cast

import msgspec
from msgspec import UNSET, Struct

from streamer import __version__
from streamer.clock import Clock, rfc3339
from streamer.config import TenantConfig
from streamer.events.record import partition_of
from streamer.model import Millis, State
from streamer.polling.roster import Roster
from streamer.service.readiness import Readiness
from streamer.service.status.answer import (
    Agents,
    Answer,
    ConfigState,
    Counts,
    Data,
    Failure,
    Notice,
    Poll,
    Replica,
    Shards,
    ShownHealth,
    StatusChange,
    TenantLine,
    Unready,
    WhoChanged,
)
from streamer.service.status.board import Known, StatusBoard
from streamer.signals import AgentsCounted, PollFinished, StateChanged

FRESH_FOR: Final = 1.0
"""Seconds for which an answer is given out again: however many look on, it is put together once a second."""

FORGOTTEN: Final = "its rows are erased; take the tenant out of the config"

_NOTHING: Final = Known()


class Found(Struct, frozen=True):
    """A tenant of ours: its shard and why that is not served, its config if there is one, and what is known of it."""

    tenant: str
    shard: int
    unserved: str | None
    config: TenantConfig | None
    known: Known


class About(Struct, frozen=True):
    """What a replica is from its start on."""

    name: str
    store: Literal["kafka", "sqlite"]
    shards: int
    show_agents: bool


class StatusReport:
    """Puts the answer together."""

    def __init__(self, about: About, *, board: StatusBoard, roster: Roster, readiness: Readiness, clock: Clock) -> None:
        """Take what the replica is, and who knows how it fares."""
        self._about = about
        self._board = board
        self._roster = roster
        self._readiness = readiness
        self._clock = clock
        self._started = clock.wall()
        self._made_at = -FRESH_FOR
        self._made = b""
        self._making = asyncio.Lock()

    async def body(self) -> bytes:
        """Return the answer as JSON, at most `FRESH_FOR` old. It is put together in a thread, so that polling goes on."""
        async with self._making:
            now = self._clock.monotonic()
            if not self._made or now - self._made_at >= FRESH_FOR:
                put_together = self._gathered()
                self._made = await asyncio.to_thread(lambda: encoded(put_together()))
                self._made_at = now
            return self._made

    def answer(self) -> Answer:
        """Return the answer as it is now."""
        return self._gathered()()

    def _gathered(self) -> Callable[[], Answer]:
        """Return what puts the answer together; in any thread, for what it looks at is replaced and never changed."""
        found = _found(
            configured={shard: self._roster.tenants.get(shard, {}) for shard in self._readiness.owned},
            known=dict(self._board.tenants),
            unserved=dict(self._readiness.unserved),
            shards=self._about.shards,
        )
        return partial(answer, self._replica(), found, now=self._clock.wall())

    def _replica(self) -> Replica:
        about, board, readiness = self._about, self._board, self._readiness
        missing, refused = readiness.missing(), board.refused
        return Replica(
            name=about.name,
            version=__version__,
            started_at=rfc3339(self._started),
            now=rfc3339(self._clock.wall()),
            store=about.store,
            ready=not missing,
            not_ready=[Unready(what=what, reason=why) for what, why in sorted(missing.items())],
            shards=Shards(
                total=about.shards,
                owned=sorted(readiness.owned),
                served=len(readiness.owned) - len(readiness.unserved),
            ),
            config=ConfigState(
                ok=not refused,
                loaded_at=rfc3339(board.loaded_at),
                problem=refused[0] if refused else None,
                more_problems=max(0, len(refused) - 1),
                restart=list(board.restart),
            ),
            clock_offset_seconds=board.clock_offset,
            tenants=Counts(
                here=0,
                elsewhere=sum(
                    len(each) for shard, each in self._roster.tenants.items() if shard not in readiness.owned
                ),
                by_health={},
            ),
            shows_agents=about.show_agents,
        )


def _found(
    *,
    configured: Mapping[int, Mapping[str, TenantConfig]],
    known: Mapping[str, Known],
    unserved: Mapping[int, str],
    shards: int,
) -> Iterator[Found]:
    """Yield the tenants of our shards: those of the config, and those that have rows all the same."""
    for shard, tenants in configured.items():
        for tenant, config in tenants.items():
            yield Found(tenant, shard, unserved.get(shard), config, known.get(tenant, _NOTHING))
    for tenant in known.keys() - {tenant for tenants in configured.values() for tenant in tenants}:
        if (each := known[tenant]).health is not None:
            shard = partition_of(tenant, shards)
            yield Found(tenant, shard, unserved.get(shard), None, each)


def answer(replica: Replica, found: Iterable[Found], *, now: Millis) -> Answer:
    """Return the answer of a replica, its tenants counted and in the order of their ids."""
    lines = [_line(each, now) for each in sorted(found, key=lambda each: each.tenant)]
    by_health = dict(Counter(line.health or "unknown" for line in lines))
    counts = msgspec.structs.replace(replica.tenants, here=len(lines), by_health=by_health)
    return Answer(data=Data(replica=msgspec.structs.replace(replica, tenants=counts), tenants=lines))


def encoded(answer: Answer) -> bytes:
    """Return the answer as JSON, whatever text there is in it: one that is no Unicode (a header's, say) is mended."""
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(answer), ensure_ascii=False).encode("utf-8", "replace")


def _line(found: Found, now: Millis) -> TenantLine:
    known, config = found.known, found.config
    health, since, advice = _health(known, config)
    return TenantLine(
        tenant=found.tenant,
        source=_source(known, config),
        shard=found.shard,
        health=health,
        health_since=_time(since),
        advice=advice,
        interval_ms=None if config is None else config.interval,
        last_poll=_poll(known.polled),
        last_success=_time(known.success),
        next_poll=None if found.unserved is not None else _time(known.next),
        last_error=_failure(known.failed),
        agents=_agents(known.agents),
        complete_through=_time(known.complete_through),
        changes=[_change(at, each) for at, each in known.changes],
        notices=list(_notices(found, now)),
    )


def _notices(found: Found, now: Millis) -> Iterator[Notice]:
    if found.unserved is not None:
        yield Notice(at=rfc3339(now), text=f"its shard is not served: {found.unserved}", advice=None)
    for text, (at, advice) in reversed(found.known.notices.items()):
        yield Notice(at=rfc3339(at), text=text, advice=advice)


def _poll(polled: PollFinished | None) -> Poll | None:
    if polled is None:
        return None
    return Poll(at=rfc3339(polled.finished), outcome=polled.outcome, seconds=round(polled.seconds, 4))


def _failure(failed: PollFinished | None) -> Failure | None:
    if failed is None:
        return None
    message, advice = failed.error or "", failed.advice or ""
    return Failure(at=rfc3339(failed.finished), outcome=failed.outcome, message=message, advice=advice)


def _agents(counted: AgentsCounted | None) -> Agents | None:
    if counted is None:
        return None
    by_state = {cast("State", state): count for state, count in counted.by_state.items() if count}
    return Agents(total=sum(by_state.values()), by_state=by_state)


def _health(known: Known, config: TenantConfig | None) -> tuple[ShownHealth | None, Millis | None, str | None]:
    """Return a tenant's health, since when, and what to do; of one that is forgotten nothing is told any more."""
    if known.health is not None:
        return cast("ShownHealth", known.health.health), known.since, known.health.advice
    if config is not None and config.forget:
        return "forgotten", None, FORGOTTEN
    return None, None, None


def _source(known: Known, config: TenantConfig | None) -> str:
    if config is not None:
        return config.source
    return known.health.source if known.health is not None else ""


def _change(at: Millis, change: StateChanged) -> StatusChange:
    return StatusChange(
        at=rfc3339(at),
        before=cast("State | None", change.before),
        after=cast("State | None", change.after),
        agent=UNSET if change.agent is None else WhoChanged(id=change.agent, name=change.name),
    )


def _time(at: Millis | None) -> str | None:
    return None if at is None else rfc3339(at)
