from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

import msgspec
import orjson
import pytest

from streamer.clock import rfc3339
from streamer.diff.operators import forget
from streamer.diff.state import TenantState
from streamer.events.definition import TenantStatus
from streamer.events.encode import tenant_record
from streamer.events.record import CLAIM_KEY, EVENTS, ROWS, TENANTS, Record, Stored, Topic
from streamer.store.audit import Report, audit
from tests.support.values import NOON, poll, snapshot, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from streamer.store.store import Store


class Log:
    """Three topics in memory, as an uncompacted partition would hold them."""

    def __init__(self) -> None:
        """Begin with a claim in each table, as every owner leaves one."""
        self.topics: dict[Topic, list[Stored]] = defaultdict(list)
        self.before_read: Callable[[Topic, int], None] = lambda _topic, _time: None
        self._reads: dict[Topic, int] = defaultdict(int)
        self.append(Record(ROWS, CLAIM_KEY, None), Record(TENANTS, CLAIM_KEY, None))

    def append(self, *records: Record) -> None:
        """Take committed records."""
        for each in records:
            topic = self.topics[each.topic]
            topic.append(Stored(each.topic, 0, len(topic), each.key, each.value, each.headers))

    async def read(self, topic: Topic, **_options: object) -> AsyncIterator[Stored]:
        """Yield what is there."""
        self._reads[topic] += 1
        self.before_read(topic, self._reads[topic])
        for each in list(self.topics[topic]):
            yield each

    def edit(self, topic: Topic, at: int, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the value of a record, as no owner does."""
        record = self.topics[topic][at]
        value = orjson.loads(record.value or b"")
        change(value)
        self.topics[topic][at] = msgspec.structs.replace(record, value=orjson.dumps(value))

    def drop(self, topic: Topic, *places: int) -> None:
        """Lose records."""
        self.topics[topic] = [each for at, each in enumerate(self.topics[topic]) if at not in places]


class History:
    """A tenant whose polls and watermarks are committed to a log, second by second."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.log = Log()
        self.state = TenantState(tenant="acme")
        self._second = 0

    def poll(self, **codes: int) -> None:
        """Commit a poll that shows the agents with these codes, and the watermark after it."""
        self._second += 1
        start = self._second * 1000
        plan = poll(self.state, snapshot(start, start + 100, *(status(agent, code) for agent, code in codes.items())))
        self.state = plan.state
        self.log.append(*plan.records, self.mark())

    def mark(self, health: str = "ok", **other: Any) -> Record:
        """Return a record of the tenant's status now."""
        complete = self.state.complete_through
        values: dict[str, Any] = {
            "tenant": "acme",
            "source": "codes",
            "health": health,
            "health_since": rfc3339(NOON),
            "complete_through": None if complete is None else rfc3339(complete),
            "tenant_sequence": self.state.sequence,
            "resolution_ms": 1000,
            "assumed_age_ms": 0,
            "interval_ms": 1000,
            "agents": self.state.live,
            "agents_by_state": dict(self.state.by_state),
            "resync": None,
            "reported_at": rfc3339(NOON),
        }
        return tenant_record(TenantStatus(**{**values, **other}))

    def forget(self) -> None:
        """Erase the tenant's rows."""
        erasure = forget(self.state)
        self.state = erasure.plan.state
        self.log.append(*erasure.plan.records, self.mark(health="forgotten"))

    async def audit(self) -> Report:
        """Audit the log."""
        return await audit(cast("Store", self.log))

    async def checks(self) -> list[str]:
        """Return the rules that the log breaks."""
        return [each.check for each in (await self.audit()).findings if each.verdict == "differs"]


@pytest.fixture
def history() -> History:
    """Two agents, four events each."""
    history = History()
    for anna, ben in ((1, 4), (4, 9), (9, 3), (3, 4)):
        history.poll(anna=anna, ben=ben)
    return history


async def test_a_whole_history_agrees(history: History) -> None:
    """Nothing is found where nothing is wrong, and everything was compared."""
    report = await history.audit()
    assert report.findings == ()
    assert report.agrees
    assert msgspec.structs.asdict(report.summary) == {
        "agents": 2,
        "rows": 2,
        "events": 8,
        "tenants": 1,
        "restarted": 0,
        "not_covered": 0,
        "differences": 0,
    }


async def test_an_agent_that_left_and_came_back_agrees() -> None:
    """A disappearance keeps the row; the sequence goes on."""
    history = History()
    for ben in (True, False, False, False, True):
        history.poll(anna=4, **({"ben": 4} if ben else {}))
    assert (await history.audit()).findings == ()
    assert history.state.rows["ben"].sequence == 3


@pytest.mark.parametrize("at", range(1, 7))
async def test_a_lost_event_is_found(history: History, at: int) -> None:
    """Any event but the first and the last: the first may have been deleted, the last is the row's."""
    history.log.drop(EVENTS, at)
    assert {"tenant_sequence", "sequence"} & set(await history.checks())


async def test_a_lost_last_event_is_found_by_its_row_and_its_watermark(history: History) -> None:
    """No event follows it that would show the gap."""
    history.log.drop(EVENTS, 7)
    assert set(await history.checks()) == {"row", "watermark"}


async def test_a_doubled_event_is_found(history: History) -> None:
    """The same number twice, by tenant and by agent."""
    last = history.log.topics[EVENTS][-1]
    history.log.append(Record(EVENTS, last.key, last.value, last.headers))
    assert await history.checks() == ["tenant_sequence", "sequence"]


async def test_an_event_without_its_row_is_found(history: History) -> None:
    """The row is still the event before."""
    history.log.drop(ROWS, len(history.log.topics[ROWS]) - 1)
    assert await history.checks() == ["row"]


async def test_an_agent_without_any_row_is_found(history: History) -> None:
    """Nothing says that it was erased."""
    history.log.append(Record(ROWS, b"acme|anna", None))
    assert await history.checks() == ["row"]


async def test_a_row_that_no_event_is_is_found(history: History) -> None:
    """It claims a number that the events do not hold."""
    ahead = History()
    ahead.log, ahead.state = Log(), history.state
    ahead.poll(anna=9, ben=9)
    history.log.append(*(Record(each.topic, each.key, each.value, each.headers) for each in ahead.log.topics[ROWS]))
    assert await history.checks() == ["row", "row"]


async def test_a_row_with_other_bytes_is_found(history: History) -> None:
    """Equal numbers are not enough."""
    history.log.edit(ROWS, -1, lambda row: row["agent"].update(name="somebody"))
    assert await history.checks() == ["row"]


async def test_a_row_with_another_header_is_found(history: History) -> None:
    """The headers are part of the row."""
    rows = history.log.topics[ROWS]
    rows[-1] = msgspec.structs.replace(rows[-1], headers=(*rows[-1].headers[:-1], ("traceparent", b"00-0-0-01")))
    assert await history.checks() == ["row"]


async def test_a_previous_that_is_not_the_current_before_is_found(history: History) -> None:
    """The chain is unbroken byte for byte."""
    history.log.edit(EVENTS, 5, lambda event: event["previous"]["vendor"].update(code=1))
    assert await history.checks() == ["chain"]


async def test_an_id_of_another_event_is_found(history: History) -> None:
    """Ids follow from the event, so equal ids can't come of different events."""
    events = history.log.topics[EVENTS]
    other = dict(events[0].headers)["ce_id"]
    headers = tuple((name, other if name == "ce_id" else value) for name, value in events[4].headers)
    events[4] = msgspec.structs.replace(events[4], headers=headers)
    assert await history.checks() == ["envelope"]


async def test_an_event_without_its_envelope_is_found(history: History) -> None:
    """A record without headers is no CloudEvent."""
    events = history.log.topics[EVENTS]
    events[4] = msgspec.structs.replace(events[4], headers=())
    assert await history.checks() == ["envelope"]


async def test_an_event_that_breaks_its_schema_is_found(history: History) -> None:
    """What is published fits what was promised."""
    history.log.edit(EVENTS, 7, lambda event: event.update(observed=None))
    assert set(await history.checks()) == {"envelope", "row"}


async def test_an_event_before_the_watermark_is_found(history: History) -> None:
    """Every later event occurs at or after what was told to be complete."""
    history.log.edit(EVENTS, 4, lambda event: event["occurred"].update(earliest=rfc3339(NOON)))
    assert await history.checks() == ["watermark"]


async def test_an_event_before_the_watermark_may_say_that_it_is_late(history: History) -> None:
    """`late` is the exception that consumers are told of."""

    def late(event: dict[str, Any]) -> None:
        event["occurred"].update(earliest=rfc3339(NOON))
        event["late"] = True

    history.log.edit(EVENTS, 4, late)
    assert await history.checks() == []


async def test_a_watermark_that_goes_back_is_found(history: History) -> None:
    """It never decreases, and it is not withdrawn."""
    history.log.append(history.mark(complete_through=rfc3339(NOON)), history.mark(complete_through=None))
    assert await history.checks() == ["watermark", "watermark"]


async def test_a_covered_number_that_goes_back_is_found(history: History) -> None:
    """The number of the newest event never decreases."""
    history.log.append(history.mark(tenant_sequence=3))
    assert await history.checks() == ["watermark"]


async def test_records_that_cannot_be_read_are_found_in_each_topic(history: History) -> None:
    """Nothing is passed over in silence, and one bad record hides no other."""
    for topic in (EVENTS, ROWS, TENANTS):
        history.log.append(Record(topic, b"acme|x", b"{"))
    assert await history.checks() == ["readable", "readable", "readable"]


@pytest.mark.parametrize(
    ("whole", "broken", "why"),
    [
        pytest.param(b'"acme"', b'"\xff"', "its text is not UTF-8", id="no UTF-8"),
        pytest.param(b"{", b'{"more":' + b"[" * 5000 + b"]" * 5000 + b",", "it is nested too deeply", id="deep"),
        pytest.param(b":", b"", "JSON is malformed", id="no JSON"),
    ],
)
async def test_what_is_wrong_with_a_damaged_value_is_told(
    history: History, whole: bytes, broken: bytes, why: str
) -> None:
    """Whatever its bytes are, it is what an audit is there to report."""
    for topic in (EVENTS, ROWS, TENANTS):
        value = (history.log.topics[topic][-1].value or b"").replace(whole, broken, 1)
        history.log.append(Record(topic, b"acme|x", value))
    found = {each.message for each in (await history.audit()).findings if each.check == "readable"}
    assert {message.partition(why)[0] for message in found} == {
        f"the {what} can't be read: " for what in ("event", "row", "record")
    }


async def test_events_that_retention_deleted_are_not_covered(history: History) -> None:
    """A row whose event is gone proves nothing; what is left still agrees."""
    history.poll(anna=3, ben=9)
    history.log.drop(EVENTS, *range(8))
    report = await history.audit()
    assert report.agrees
    assert [(each.verdict, each.agent) for each in report.findings] == [("not_covered", "anna")]


async def test_without_any_event_left_no_row_is_covered(history: History) -> None:
    """An old table without events is no difference."""
    history.log.topics[EVENTS].clear()
    report = await history.audit()
    assert (report.agrees, report.summary.not_covered) == (True, 2)


async def test_a_first_event_that_is_missing_from_a_whole_log_is_found(history: History) -> None:
    """Where the tenant's first event is there, none was deleted, so each agent's first must be there too."""
    history.log.drop(EVENTS, 1)
    assert "sequence" in await history.checks()


async def test_a_forgotten_tenant_agrees(history: History) -> None:
    """Rows are gone by order; the record of the tenant says so."""
    history.forget()
    assert (await history.audit()).findings == ()


async def test_agents_of_a_forgotten_tenant_begin_anew(history: History) -> None:
    """Their sequence is 1 again, the tenant's goes on."""
    history.forget()
    history.poll(anna=4, ben=4)
    report = await history.audit()
    assert (report.findings, report.summary.restarted) == ((), 2)


async def test_a_table_that_was_lost_is_found(history: History) -> None:
    """Agents that begin anew though nobody erased them: what a lagging replica that became leader leaves behind."""
    history.state = msgspec.structs.replace(history.state, rows={}, by_state={})
    history.poll(anna=4, ben=4)
    assert await history.checks() == ["sequence", "sequence"]


async def test_a_stream_in_use_can_be_audited(history: History) -> None:
    """Commits between the readings are no differences."""

    def commit(topic: Topic, time: int) -> None:
        if (topic, time) in {(EVENTS, 1), (ROWS, 2)}:
            history.poll(anna=history.state.sequence % 2 * 3 + 1, ben=1 + 3 * time)

    history.log.before_read = commit
    report = await history.audit()
    assert report.findings == ()
    assert report.summary.events > 8


async def test_findings_name_no_agent_by_name() -> None:
    """A message may be pasted into a ticket."""
    history = History()
    plan = poll(history.state, snapshot(0, 100, status("anna", 4, name="Anna Secret")))
    history.log.append(*(each for each in plan.records if each.topic == ROWS))
    history.log.append(*(each for each in plan.records if each.topic == EVENTS), *_twice(plan.records))
    findings = (await history.audit()).findings
    assert findings
    assert not any("Secret" in str(each) for each in findings)


def _twice(records: Iterable[Record]) -> list[Record]:
    return [each for each in records if each.topic == EVENTS]
