"""8x8, real-time statistics: all agents of a tenant in one answer (vendor document "8x8 real time statistics").

    GET {base_url}/api/rtstats/stats/agents.json               all agents; .xml likewise
    GET {base_url}/api/rtstats/stats/agent/{login id}.json     one agent
    GET {base_url}/api/rtstats/stats/queues.json               all queues, where the tenant wants them

The answers come from a cache that is refreshed every 10 seconds. `time-in-status` tells when a status was entered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from yarl import URL

from streamer.beside import beside
from streamer.clock import Clock
from streamer.config import RealTimeStats8x8
from streamer.diff.transition import plain_transition
from streamer.model import (
    AgentStatus,
    Interval,
    Meaning,
    Millis,
    Queue,
    QueueSnapshot,
    Snapshot,
    Transition,
    Window,
)
from streamer.sources import payload
from streamer.sources.authorization import basic
from streamer.sources.conditional import LastRead
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight import Vocabulary8x8, path_segment, significant, status_key_fault
from streamer.sources.eight_by_eight_realtime_payload import (
    CLOCK,
    GUID,
    LOGGED_OUT,
    LOGIN,
    ROUNDING,
    STATUSES,
    SYSTEM_ITEMS,
    Format,
    Listed,
    read_agents,
    statuses_of,
)
from streamer.sources.eight_by_eight_realtime_queues import read_queues
from streamer.sources.errors import PollError
from streamer.sources.http import Answer, Http, Refusal, Request
from streamer.sources.running_clocks import RunningClocks
from streamer.sources.validators import NONE, Validators

REFUSALS: Final[Mapping[int, Refusal]] = MappingProxyType(
    {
        400: Refusal("bad_request", "check base_url (or platform); the vendor does not understand the request"),
        403: Refusal(
            "auth_failed",
            "check username (the tenant's name) and password, the Data Request Token of Configuration Manager >> "
            "Integration >> API Token; a new one may have been issued",
        ),
        404: Refusal("not_found", "check base_url (or platform)"),
    }
)
REFUSALS_OF_AGENT: Final[Mapping[int, Refusal]] = MappingProxyType(
    {
        **REFUSALS,
        404: Refusal("not_found", "check the agent's id: it is the login id here, `agent-id`, not the GUID"),
    }
)


ASSUMED_AGE: Final[Millis] = 10_000
"""The vendor's cache is refreshed every 10 seconds, by its document."""


class Api:
    """The requests of one tenant."""

    def __init__(self, *, config: RealTimeStats8x8, http: Http, clock: Clock) -> None:
        """Take the tenant's config and what all sources share."""
        self._config = config
        self._http = http
        self._clock = clock
        self._stats = URL(config.base_url).joinpath("api", "rtstats", "stats")

    @property
    def deadline(self) -> float:
        """When a poll that begins now must have ended, in monotonic seconds."""
        return self._clock.monotonic() + self._config.timeout / 1000

    async def get(
        self, path: str, refusals: Mapping[int, Refusal], *, deadline: float, validators: Validators = NONE
    ) -> Answer:
        """Ask for what stands at `path`, in the form that the tenant wants.

        Raises:
            PollError: see `Http.fetch`.

        """
        config = self._config
        request = Request(
            url=self._stats.joinpath(f"{path}.{config.format}", encoded=True),
            headers=basic(config.username, config.password),
            max_body=config.max_body,
            format=config.format,
            refusals=refusals,
            validators=validators,
        )
        return await self._http.fetch(request, deadline=deadline)


class Queues:
    """The queues of one tenant."""

    def __init__(self, *, api: Api, form: Format) -> None:
        """Take who asks, and the form of the answers."""
        self._api = api
        self._form = form
        self._last: LastRead[Mapping[str, Queue]] = LastRead()

    async def snapshot(self, *, deadline: float) -> QueueSnapshot:
        """Ask for all queues; see `QueueSource.snapshot`."""
        validators = self._last.condition()
        answer = await self._api.get("queues", REFUSALS, deadline=deadline, validators=validators)
        unknown = UnknownFields()
        queues = await self._last.take(answer, partial(read_queues, form=self._form, unknown=unknown))
        return QueueSnapshot(window=shown_in(answer), queues=queues, unknown_fields=unknown.paths)


class EightByEightRealTimeStats:
    """The source of one tenant."""

    name: Final = "8x8-realtime-stats"
    assumed_age_ms: Final[Millis] = ASSUMED_AGE

    def __init__(self, *, config: RealTimeStats8x8, http: Http, clock: Clock) -> None:
        """Take the tenant's config and what all sources share."""
        self._config = config
        self._clock = clock
        self._api = Api(config=config, http=http, clock=clock)
        self._vocabulary = Vocabulary8x8(statuses=STATUSES, status_map=config.status_map, system_items=SYSTEM_ITEMS)
        self._last: LastRead[Sequence[Listed]] = LastRead()
        self._clocks = RunningClocks(field=CLOCK, unsure=frozenset({LOGGED_OUT}))
        self.queues = Queues(api=self._api, form=config.format) if config.queues else None

    async def snapshot(self) -> Snapshot:
        """Ask for all agents.

        Raises:
            PollError: anything but a complete snapshot; `stale` if no agent's clock has moved for longer than the
                vendor's cache may be old.

        """
        asked = self._clock.monotonic()
        answer = await self._api.get("agents", REFUSALS, deadline=self._api.deadline, validators=self._last.condition())
        answered = self._clock.monotonic()
        window, unknown = shown_in(answer), UnknownFields()
        agents = await self._statuses(await self._last.take(answer, partial(self._read, unknown=unknown)), window)
        standing = self._clocks.standing(agents, asked=asked, answered=answered) * 1000
        if standing > self.assumed_age_ms + ROUNDING:  # with less, whole seconds may not show that they have moved
            raise PollError("stale", f"the time-in-status of all agents has stood still for {standing / 1000:.0f} s")
        version, fields = self._clocks.version, unknown.paths
        return Snapshot(tenant=self._config.id, window=window, agents=agents, version=version, unknown_fields=fields)

    async def agent(self, agent_id: str) -> AgentStatus:
        """Ask for one agent by its login id.

        Raises:
            PollError: anything but that agent's status; `not_found` if the vendor does not know it.

        """
        answer = await self._api.get(f"agent/{path_segment(agent_id)}", REFUSALS_OF_AGENT, deadline=self._api.deadline)
        listed = self._read(answer.body, unknown=UnknownFields())
        agents = list((await self._statuses(listed, shown_in(answer))).values())
        if len(agents) != 1:
            raise payload.invalid("$", f"expected one agent, got {len(agents)}")
        if agent_id not in (agents[0].vendor.get(LOGIN), agents[0].vendor.get(GUID)):
            raise payload.invalid("$.agent-id", "is the id of another agent than was asked for")
        return agents[0]

    def transition(self, before: Mapping[str, Any], since: Interval | None, status: AgentStatus) -> Transition:
        """Compare the values of `SIGNIFICANT`.

        `time-in-status` is the clock of `agent-status`. It need not begin anew when only the reason or the sub-status
        changes, and then it does not tell when that was.
        """
        transition = plain_transition(significant(before), since, status)
        clock = begun(before, since)
        runs_on = clock is not None and status.entered is not None and overlap(clock, status.entered)
        if runs_on and before.get("code") == status.vendor["code"]:
            return Transition(same=transition.same)
        return transition

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look the status up in the tenant's `status_map`, most specific key first, then in `STATUSES`."""
        return self._vocabulary.interpret(vendor)

    @staticmethod
    def status_key_fault(key: str) -> str | None:
        """Refuse keys that are not `5`, `5/801` or `5/801/1726`: status, code list, item."""
        return status_key_fault(key)

    def _read(self, body: bytes, *, unknown: UnknownFields) -> Sequence[Listed]:
        config = self._config
        return read_agents(body, form=config.format, names=config.agent_names, unknown=unknown)

    async def _statuses(self, listed: Sequence[Listed], window: Window) -> Mapping[str, AgentStatus]:
        """Date the statuses anew even of an answer "not modified": when they were entered is told by its window."""
        make = partial(statuses_of, listed, window=window)
        return await beside(make, agents=len(listed))


def shown_in(answer: Answer) -> Window:
    """Return when what an answer shows was true."""
    return Window(start=answer.window.start - ASSUMED_AGE, end=answer.window.end)


def begun(before: Mapping[str, Any], since: Interval | None) -> Interval | None:
    """Return when the clock of a stored status had begun, at the widest; None if that is not known.

    That is when the status was entered. If only the reason changed then, while the clock ran on, it was earlier by what
    the clock showed.
    """
    seconds = before.get(CLOCK)
    if since is None or not isinstance(seconds, int):
        return since
    return Interval(earliest=since.earliest - max(0, seconds) * 1000 - ROUNDING, latest=since.latest)


def overlap(one: Interval, other: Interval) -> bool:
    """Tell whether two intervals may hold the same moment."""
    return one.earliest <= other.latest and other.earliest <= one.latest
