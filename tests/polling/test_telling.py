from __future__ import annotations

import msgspec
import pytest

from streamer.diff.differ import OLDER_VIEWS
from streamer.events.encode import STATUS_LIMIT
from streamer.model import AgentStatus, Snapshot
from streamer.polling.tools import Tools
from streamer.signals import (
    AgentsCounted,
    AgentsHeld,
    FieldsUnknown,
    PollerStarted,
    PollPlanned,
    Published,
    Signal,
    SnapshotHeld,
    StateChanged,
    StatusUnmapped,
    VendorClockFault,
)
from streamer.sources.errors import PollError
from streamer.store.shard import Shard
from tests.polling.conftest import MakePoller
from tests.support.clock import LoopClock, run_for
from tests.support.memory import MemorySource, MemoryStore, tenant
from tests.support.pollers import poller_on
from tests.support.values import NOON, status

pytestmark = pytest.mark.looptime


class Shown(MemorySource):
    """A vendor that shows the statuses that the test puts here."""

    def __init__(self, *, clock: LoopClock, statuses: list[AgentStatus]) -> None:
        super().__init__(clock=clock)
        self.statuses = statuses
        self.unknown: frozenset[str] = frozenset()

    async def snapshot(self) -> Snapshot:
        """Answer with them."""
        shown = await super().snapshot()
        agents = {each.agent: each for each in self.statuses}
        return msgspec.structs.replace(shown, agents=agents, unknown_fields=self.unknown)


def of(signals: list[Signal], *kinds: type) -> list[Signal]:
    """Return the signals of some kinds."""
    return [each for each in signals if isinstance(each, kinds)]


async def test_an_agent_whose_event_is_refused_is_told_of_and_harms_no_other(
    make_poller: MakePoller, clock: LoopClock, store: MemoryStore, signals: list[Signal]
) -> None:
    """It keeps its stored state and is counted, its tenant is degraded, and the others' changes are published."""
    vendor = Shown(clock=clock, statuses=[status("Padma", 4), status("b", 4)])
    poller = make_poller(vendor)
    await poller.poll()
    vendor.statuses = [status("Padma", 9, note="x" * STATUS_LIMIT), status("b", 9)]
    await poller.poll()
    assert [(each["agent"]["id"], each["change"]) for each in store.events()][2:] == [("b", "changed")]
    assert store.reports()[-1]["health"] == "degraded"
    assert of(signals, AgentsHeld) == [AgentsHeld(tenant="acme", reason="too_large", count=1)]
    assert "Padma" not in repr(signals)
    vendor.statuses = [status("Padma", 9), status("b", 9)]
    await poller.poll()
    assert (store.events()[-1]["agent"]["id"], store.events()[-1]["sequence"]) == ("Padma", 2)
    assert store.reports()[-1]["health"] == "ok"


async def test_a_status_that_no_mapping_knows_is_told_of(
    make_poller: MakePoller, clock: LoopClock, signals: list[Signal]
) -> None:
    """Once a code, however many agents have it; the events are published as `unknown`."""
    await make_poller(Shown(clock=clock, statuses=[status("a", 99), status("b", 99), status("c", 4)])).poll()
    assert of(signals, StatusUnmapped) == [StatusUnmapped(tenant="acme", source="codes", field="code", code="99")]
    [published] = of(signals, Published)
    assert isinstance(published, Published)
    assert [each.after for each in published.changes] == ["unknown", "unknown", "ready"]


async def test_fields_that_no_document_shows_are_told_of_and_change_nothing(
    make_poller: MakePoller, clock: LoopClock, signals: list[Signal], store: MemoryStore
) -> None:
    """By each poll that read some, and by no other."""
    vendor = Shown(clock=clock, statuses=[status("a", 4)])
    poller = make_poller(vendor)
    for unknown in (set[str](), {"[].mood", "paging"}, set[str](), {"paging"}):
        vendor.unknown = frozenset(unknown)
        await poller.poll()
    assert of(signals, FieldsUnknown) == [
        FieldsUnknown(tenant="acme", source="codes", fields=frozenset({"[].mood", "paging"})),
        FieldsUnknown(tenant="acme", source="codes", fields=frozenset({"paging"})),
    ]
    assert [each["change"] for each in store.events()] == ["baseline"]


async def test_older_views_and_impossible_times_are_told_of(
    make_poller: MakePoller, clock: LoopClock, signals: list[Signal]
) -> None:
    """Counted, not published; an impossible time counts once while the vendor's item stays the same."""
    vendor = Shown(clock=clock, statuses=[status("a", 4, (-5_000, -4_000)), status("b", 4)])
    poller = make_poller(vendor)
    await poller.poll()
    vendor.statuses = [status("a", 9, (-9_000, -8_000)), status("b", 4, (NOON, NOON))]
    for _ in range(OLDER_VIEWS - 1):
        await poller.poll()
    assert of(signals, AgentsHeld) == [AgentsHeld(tenant="acme", reason="older_view", count=1)] * (OLDER_VIEWS - 1)
    assert of(signals, VendorClockFault) == [VendorClockFault(tenant="acme", count=1)]


async def test_a_snapshot_that_is_held_is_told_of_each_time(
    make_poller: MakePoller, clock: LoopClock, signals: list[Signal]
) -> None:
    """With what is odd about it."""
    vendor = Shown(clock=clock, statuses=[status(f"a{number}", 4) for number in range(20)])
    poller = make_poller(vendor)
    await poller.poll()
    for left in (0, 3):
        vendor.statuses = [status(f"a{number}", 4) for number in range(left)]
        await poller.poll()
    assert of(signals, SnapshotHeld) == [
        SnapshotHeld(tenant="acme", reason="empty"),
        SnapshotHeld(tenant="acme", reason="shrunk"),
    ]


async def test_what_is_told_of_an_event_is_measured_in_seconds(
    make_poller: MakePoller, clock: LoopClock, signals: list[Signal]
) -> None:
    """How long ago it happened when it was found, and how well that is known; a baseline has neither."""
    vendor = Shown(clock=clock, statuses=[status("a", 4)])
    poller = make_poller(vendor)
    await poller.poll()
    vendor.statuses = [status("a", 9)]
    await poller.poll()
    first, second = of(signals, Published)
    assert isinstance(first, Published)
    assert isinstance(second, Published)
    assert (first.detection_delays, first.uncertainties) == ((), ())
    assert second.uncertainties == pytest.approx([0.045])
    assert second.detection_delays == pytest.approx([0.0225], abs=0.001)


async def test_the_agents_are_counted_when_they_changed_and_once_at_first(
    make_poller: MakePoller, clock: LoopClock, signals: list[Signal]
) -> None:
    """Most polls change nothing, so they say nothing."""
    vendor = Shown(clock=clock, statuses=[status("a", 4), status("b", 4)])
    poller = make_poller(vendor)
    for shown in (4, 4, 9, 9):
        vendor.statuses = [status("a", shown), status("b", 4)]
        await poller.poll()
    assert of(signals, AgentsCounted) == [
        AgentsCounted(tenant="acme", source="codes", by_state={"ready": 2}),
        AgentsCounted(tenant="acme", source="codes", by_state={"ready": 1, "busy": 1}),
    ]


@pytest.mark.parametrize("shown", [False, True])
async def test_whose_status_changed_is_told_only_where_agents_are_shown(
    shard: Shard, clock: LoopClock, tools: Tools, signals: list[Signal], *, shown: bool
) -> None:
    """The ledger's teller decides; nothing else that is told names anybody."""
    vendor = Shown(clock=clock, statuses=[status("p-17", 4, name="Padma"), status("q-3", 9)])
    poller = poller_on(shard, config=tenant(), source=vendor, tools=msgspec.structs.replace(tools, show_agents=shown))
    await poller.poll()
    del vendor.statuses[0]
    for _ in range(poller.config.absent_after + 1):
        await poller.poll()
    changes = [change for each in of(signals, Published) if isinstance(each, Published) for change in each.changes]
    padma, other = (("p-17", "Padma"), ("q-3", None)) if shown else ((None, None), (None, None))
    assert changes == [
        StateChanged(None, "ready", *padma),
        StateChanged(None, "busy", *other),
        StateChanged("ready", None, *padma),
    ]
    rest = repr([each for each in signals if not isinstance(each, Published)])
    assert "p-17" not in rest
    assert "Padma" not in rest


async def test_a_poller_tells_the_watermark_that_it_begins_with(
    make_poller: MakePoller, source: MemorySource, signals: list[Signal]
) -> None:
    """All its polls may fail, and the tenant be as old as that."""
    await run_for(10, make_poller(interval=10_000).run())
    through = make_poller().state.complete_through
    assert through is not None
    signals.clear()
    source.errors.append(PollError("timeout", "late"))
    await run_for(10, make_poller(interval=10_000).run())
    assert signals[0] == PollerStarted(tenant="acme", source="codes", complete_through=through)


async def test_the_next_poll_is_told_before_each_wait(
    make_poller: MakePoller, source: MemorySource, signals: list[Signal]
) -> None:
    """When it begins, or with a wish of the vendor's when that is over; a poller that begins says so first."""
    source.errors.append(PollError("rate_limited", "429", retry_after=50.0))
    await run_for(100, make_poller(interval=10_000).run())
    assert signals[0] == PollerStarted(tenant="acme", source="codes")
    planned = [each.at for each in of(signals, PollPlanned) if isinstance(each, PollPlanned)]
    asked = [NOON + round(each * 1000) for each in source.requests]
    assert planned[: len(asked)] == pytest.approx(asked, abs=1)
    assert planned[1] - planned[0] >= 50_000
