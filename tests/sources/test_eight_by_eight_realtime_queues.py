"""Queues of 8x8's real-time statistics: what is asked, what is read, and that nothing else passes for an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import SystemClock
from streamer.config.values import parse_rate
from streamer.diff.queues import plan_queues
from streamer.diff.state import TenantState
from streamer.model import Queue, QueueGauges, QueueSnapshot, Window
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_realtime_payload import Format
from streamer.sources.eight_by_eight_realtime_queues import COUNTERS, GAUGES, QUEUES, read_queues
from streamer.sources.eight_by_eight_realtime_values import LARGEST
from streamer.sources.errors import PollError
from streamer.sources.source import QueueSource
from tests.sources.cases import CASES
from tests.sources.conftest import MakeSource
from tests.sources.contract import SECRET, SECRET_VARIABLE, SourceCase
from tests.sources.mutated import any_json, as_xml, edited_bytes, edited_values
from tests.sources.second_reader import Item, json_items, xml_items
from tests.sources.situations import HARMLESS, SITUATIONS, TIMEOUT_MS, Situation
from tests.sources.strange_fields import HOSTILE, with_strange
from tests.sources.test_bad_payloads import MANY, tally_of
from tests.sources.vendor import Vendor, answer, fixture
from tests.support.summary import Tally

FOLDER = "8x8-realtime-stats/queues"
FORMS: tuple[Format, ...] = get_args(Format)
KEYS = ("queues", "queue", "data", "queue-id", "queue-name", "queue-size", "sla-activity", "day-accepted", "new")

TABLE = [
    "agent-count-busy",
    "agent-count-loggedOut",
    "agent-count-onBreak",
    "agent-count-postProcess",
    "agent-count-waitTransact",
    "agent-count-workOffline",
    "day-accepted",
    "day-avg-duration",
    "day-avg-wait-time",
    "day-queued",
    "day-sla-activity",
    "assigned-agent-count",
    "enabled-agent-count",
    "longest-wait-time",
    "media-type",
    "number-in-offered",
    "number-in-progress",
    "queue-id",
    "queue-name",
    "queue-size",
    "sla-activity",
    "sla-target",
    "thirty-min-accepted",
    "thirty-min-avg-duration",
    "thirty-min-avg-wait-time",
    "thirty-min-longest-wait-time",
    "thirty-min-queued",
    "thirty-min-sla-activity",
]
"""The fields in the document's table of queues, in its order."""

AskQueues = Callable[..., QueueSource]

each_form = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(params=[case for case in CASES if case.name == "8x8-realtime-stats"], ids=str)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SourceCase:
    """This source alone, in both forms."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    chosen: SourceCase = request.param
    return chosen


@pytest.fixture
def queues_of(source_of: MakeSource) -> AskQueues:
    """Make who asks for the queues of a tenant: `queues_of(timeout=250)`."""

    def make(**settings: object) -> QueueSource:
        queues = source_of(queues=True, **settings).queues
        assert queues is not None
        return queues

    return make


def listed(queue: bytes, form: str) -> bytes:
    """Return the answer for all queues, of which there is one."""
    return (b"<queues>%s</queues>" if form == "xml" else b'{"queues": [%s]}') % queue


async def ask(queues: QueueSource, seconds: float = 5.0) -> QueueSnapshot:
    """Ask with so much time left."""
    return await queues.snapshot(deadline=SystemClock().monotonic() + seconds)


@each_form
def test_the_vendors_example_is_read_field_by_field(form: Format) -> None:
    """The queue that the document prints, in XML as it is printed there."""
    (queue,) = read_queues(fixture(FOLDER, "vendor-example", form), form=form, unknown=UnknownFields()).values()
    assert (queue.id, queue.name, queue.media, queue.type) == ("116", "Tech Support", "vmail", "vmail")
    gauges = queue.gauges
    assert gauges.agents_busy == 0
    assert gauges.agents_logged_out == 1
    assert gauges.agents_on_break == 0
    assert gauges.agents_post_processing == 0
    assert gauges.agents_available == 0
    assert gauges.agents_work_offline == 0
    assert gauges.agents_assigned == 1
    assert gauges.agents_enabled == 1
    assert gauges.longest_wait_seconds == 0
    assert gauges.offered == 0
    assert gauges.in_progress == 0
    assert gauges.waiting == 0
    assert gauges.sla_activity_percent == 0
    assert gauges.sla_target == 0
    assert queue.counters == dict.fromkeys(COUNTERS, 0)


def test_every_field_of_the_example_has_its_place() -> None:
    """None is dropped by oversight, and none is read that the document does not show."""
    shown = set(json.loads(fixture(FOLDER, "vendor-example")))
    assert shown == {"queue-id", "queue-name", "media-type", "queue-type", *GAUGES.values(), *COUNTERS}
    assert set(GAUGES) == set(QueueGauges.__struct_fields__)


def test_every_field_of_the_documents_table_is_known() -> None:
    """It lists all of the example's but three."""
    assert QUEUES.fields - set(TABLE) == {"queue-type", "day-abandoned", "thirty-min-abandoned"}
    assert set(TABLE) <= QUEUES.fields


@each_form
def test_what_the_example_shows_is_known(form: Format) -> None:
    """Alone, and in a list."""
    unknown, body = UnknownFields(), fixture(FOLDER, "vendor-example", form)
    read_queues(body, form=form, unknown=unknown)
    read_queues(listed(body, form), form=form, unknown=unknown)
    assert unknown.paths == frozenset()


async def test_a_field_that_nobody_documented_is_told_wherever_it_stands(
    vendor: Vendor, queues_of: AskQueues, case: SourceCase
) -> None:
    """As of agents: by its path, or by a star where its name may be data; the queues are as they were."""
    good = listed(fixture(FOLDER, "vendor-example", case.variant), case.variant)
    queues = queues_of()
    vendor.respond = answer(good)
    before = await ask(queues)
    assert before.unknown_fields == frozenset()
    for names, told in ((["x-mood"], "x-mood"), (HOSTILE[case.variant], "*")):
        for place, body in with_strange(good, names):
            vendor.respond = answer(body)
            after = await ask(queues)
            assert after.unknown_fields == {f"{place}{told}"}
            assert after.queues == before.queues


@each_form
def test_values_may_be_text_blank_fractional_or_not_available(form: Format) -> None:
    """Numbers come as text and text as numbers; a fraction of a gauge is cut, a negative one is the vendor's "none"."""
    sales, chat = read_queues(fixture(FOLDER, "two-queues", form), form=form, unknown=UnknownFields()).values()
    assert (sales.id, sales.name, chat.id, chat.name, chat.type) == ("114", "Sales", "chat|1", None, None)
    assert (sales.gauges.waiting, sales.gauges.longest_wait_seconds, sales.gauges.sla_activity_percent) == (3, 41, None)
    assert (chat.gauges.waiting, chat.gauges.longest_wait_seconds, chat.gauges.sla_activity_percent) == (2, 7, 87)
    assert chat.gauges.agents_available is None
    assert sales.counters == {
        "day-accepted": 212,
        "day-avg-duration": "181.5" if form == "xml" else 181.5,
        "thirty-min-queued": 31,
        "thirty-min-sla-activity": -1,
    }
    assert chat.counters == {"day-accepted": 12}


@pytest.mark.parametrize(
    "body",
    [
        '[{"queue-id": 1}]',
        '{"queues": [{"queue-id": 1}]}',
        '{"queue": [{"queue-id": 1}]}',
        '{"data": {"queue": {"queue-id": 1}}}',
        '{"queue-id": "1"}',
    ],
)
def test_a_list_in_json_may_stand_in_several_ways(body: str) -> None:
    """The document does not show any."""
    assert set(read_queues(body.encode(), form="json", unknown=UnknownFields())) == {"1"}


def test_no_queues_are_an_answer() -> None:
    """In a list that says to be one of queues."""
    assert (
        read_queues(b'{"queues": []}', form="json", unknown=UnknownFields())
        == read_queues(b"<queues/>", form="xml", unknown=UnknownFields())
        == {}
    )


@pytest.mark.parametrize(
    ("form", "body", "says"),
    [
        ("json", '{"agents": []}', "$: holds none of queues, queue, data"),
        ("json", '{"queues": [], "data": []}', "$: holds more than one of queues, queue, data"),
        ("json", '{"queues": {"data": {"queue": {}}}}', "$.queues.data.queue: expected a list of queues"),
        ("json", '[{"queue-size": 1}]', "$[0].queue-id: is missing"),
        ("json", '[{"queue-id": " "}]', "$[0].queue-id: is missing"),
        ("json", '[{"queue-id": "a\\nb"}]', "$[0].queue-id: the id holds a control character"),
        ("json", '[{"queue-id": 1, "queue-size": "many"}]', "$[0].queue-size: expected a number"),
        ("json", '[{"queue-id": 1, "queue-size": [1]}]', "$[0].queue-size: Expected"),
        ("json", '[{"queue-id": 1, "queue-size": true}]', "$[0].queue-size: Expected"),
        ("json", '[{"queue-id": 1, "queue-size": 1e300}]', "$[0].queue-size: expected a number of at most 90"),
        (
            "json",
            '[{"queue-id": 1, "queue-size": 99999999999999999999}]',
            "$[0].queue-size: expected a number of at most 90",
        ),
        ("json", "[1]", "$[0]: Expected `object`"),
        ("xml", "<agents/>", "$: holds no <queue>"),
        ("xml", "<queues><agent/></queues>", "$: holds no <queue>"),
        ("xml", "<queues><queue/></queues>", "$.queue[0].queue-id: is missing"),
        ("xml", "<queue><queue-id><a/></queue-id></queue>", "$.queue-id: expected text, got elements"),
        ("xml", "<!DOCTYPE a><queues/>", "$: has a document type declaration"),
    ],
)
def test_what_is_no_list_of_queues_is_an_error_with_its_place(form: Format, body: str, says: str) -> None:
    """One bad queue spoils the answer: what is told is told of all."""
    with pytest.raises(PollError) as caught:
        read_queues(body.encode(), form=form, unknown=UnknownFields())
    assert caught.value.outcome == "invalid_body"
    assert caught.value.message.startswith(says)


@each_form
def test_a_queue_that_is_listed_twice_is_no_answer(form: Format) -> None:
    """Which of the two is true is not known."""
    body = '[{"queue-id": 1}, {"queue-id": "1"}]'
    if form == "xml":
        body = "<queues><queue><queue-id>1</queue-id></queue><queue><queue-id> 1 </queue-id></queue></queues>"
    with pytest.raises(PollError, match="a queue that was listed before") as caught:
        read_queues(body.encode(), form=form, unknown=UnknownFields())
    assert caught.value.outcome == "incomplete"


def read(body: bytes, form: Format) -> Mapping[str, Queue] | PollError:
    """Read a body, or return why it was refused; anything else that is raised fails the test."""
    try:
        return read_queues(body, form=form, unknown=UnknownFields())
    except PollError as error:
        return error


@pytest.fixture
def tally(form: Format, request: pytest.FixtureRequest) -> Tally:
    """What becomes of a test's payloads."""
    return tally_of(f"8x8-realtime-stats queues {form}", request)


def items_of(body: bytes, form: Format) -> Mapping[str, Item]:
    """Return the queues of an answer as another reader than the product's finds them, by their ids."""
    items = xml_items(body, "queue") if form == "xml" else json_items(body, *QUEUES.lists, alone="queue-id")
    return {str(item["queue-id"]).strip(): item for item in items}


def told(item: Item) -> Item:
    """Return what a queue is known by."""
    return {key: value for key, value in item.items() if value is not None and key in QUEUES.fields}


def false_change(body: bytes, form: Format, queues: Mapping[str, Queue]) -> str | None:
    """Say what was made of a body that it does not say: a queue invented or lost, or one that did not change."""
    example = fixture(FOLDER, "two-queues", form)
    before, known = items_of(example, form), read_queues(example, form=form, unknown=UnknownFields())
    items = items_of(body, form)
    if list(items) != list(queues):
        return f"{list(items)} was read as {list(queues)}"
    same = (id_ for id_, item in items.items() if id_ in before and told(item) == told(before[id_]))
    return next((f"{id_} is as before, and was read otherwise" for id_ in same if queues[id_] != known[id_]), None)


def judge(body: bytes, form: Format, tally: Tally) -> None:
    """Fail unless a body is refused as a poll may fail, or read as it stands, into queues with rows or reasons why not."""
    tally["crashes"] += 1  # until it turns out to be none
    queues = read(body, form)
    tally["crashes"] -= 1
    if isinstance(queues, PollError):
        tally["refused"] += 1
        assert queues.outcome in {"invalid_body", "incomplete"}
        assert queues.message.startswith("$")
        assert "Sales" not in str(queues)
        return
    tally["accepted"] += 1
    snapshot = QueueSnapshot(window=Window(0, 1), queues=queues)
    plan = plan_queues(TenantState(tenant="acme"), snapshot, source="s", absent_after=3, now=2)
    assert plan.written + len(plan.refused) == len(queues)
    for queue in queues.values():
        values = msgspec.structs.astuple(queue.gauges)
        assert all(value is None or 0 <= value <= LARGEST for value in values)
    fault = false_change(body, form, queues)
    tally["false changes"] += fault is not None
    assert fault is None, fault


@each_form
def test_what_would_be_a_false_change_is_found(form: Format) -> None:
    """The judge of what follows can say no: of a queue too many, one too few, and gauges that nobody sent."""
    body = fixture(FOLDER, "two-queues", form)
    queues = read_queues(body, form=form, unknown=UnknownFields())
    sales, chat = queues.values()
    assert false_change(body, form, queues) is None
    assert "was read as" in (false_change(body, form, {**queues, "invented": sales}) or "")
    assert "was read as" in (false_change(body, form, {sales.id: sales}) or "")
    swapped = {sales.id: sales, chat.id: msgspec.structs.replace(chat, gauges=sales.gauges)}
    assert "is as before" in (false_change(body, form, swapped) or "")


@each_form
@MANY
@given(data=st.data())
def test_queues_with_edited_bytes_are_read_or_refused(form: Format, tally: Tally, data: st.DataObject) -> None:
    """No byte makes the reader raise anything else."""
    judge(data.draw(edited_bytes(fixture(FOLDER, "two-queues", form))), form, tally)


@each_form
@MANY
@given(data=st.data())
def test_queues_with_edited_values_are_read_or_refused(form: Format, tally: Tally, data: st.DataObject) -> None:
    """Nor does a value."""
    body = data.draw(edited_values(fixture(FOLDER, "two-queues"), KEYS))
    judge(as_xml(body, "queues") if form == "xml" else body, form, tally)


@each_form
@MANY
@given(value=any_json(KEYS))
def test_a_body_of_anything_is_read_or_refused(form: Format, tally: Tally, value: Any) -> None:
    """Nor a body that never was the vendor's."""
    body = json.dumps(value).encode()
    judge(as_xml(body, "queues") if form == "xml" else body, form, tally)


async def test_queues_are_asked_for_as_the_document_says(
    vendor: Vendor, queues_of: AskQueues, case: SourceCase
) -> None:
    """The path, the form, and the credentials of the tenant; the cache may be 10 s old."""
    vendor.respond = answer(fixture(FOLDER, "two-queues", case.variant))
    snapshot = await ask(queues_of())
    (asked,) = vendor.asked
    assert (asked.method, asked.path) == ("GET", f"/api/rtstats/stats/queues.{case.variant}")
    assert (asked.headers["Accept"], asked.headers["Authorization"]) == (
        f"application/{case.variant}",
        case.credentials,
    )
    assert set(snapshot.queues) == {"114", "chat|1"}
    assert snapshot.window.end - snapshot.window.start >= 10_000


async def test_a_tenant_without_queues_has_nobody_to_ask(source_of: MakeSource) -> None:
    """That is the default."""
    assert source_of().queues is None


async def test_what_did_not_change_is_not_sent_again(vendor: Vendor, queues_of: AskQueues, case: SourceCase) -> None:
    """With a condition of their own: queues and agents lie at different addresses."""
    vendor.respond = answer(fixture(FOLDER, "two-queues", case.variant), headers={"ETag": '"q1"'})
    queues = queues_of()
    first = await ask(queues)
    vendor.respond = answer(b"", status=304)
    assert (await ask(queues)).queues is first.queues
    assert vendor.asked[-1].headers["If-None-Match"] == '"q1"'


async def test_queues_wait_for_their_turn_by_the_tenants_rate(
    vendor: Vendor, source_of: MakeSource, case: SourceCase
) -> None:
    """The agents' request counts; a turn that comes too late is not taken, and nothing is sent."""
    vendor.respond = answer(case.good)
    source = source_of(queues=True, rate=parse_rate("1/s"), timeout=5000)
    await source.snapshot()
    assert source.queues is not None
    with pytest.raises(PollError, match="not sent; by the tenant's rate") as caught:
        await ask(source.queues, 0.2)
    assert caught.value.outcome == "timeout"
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
async def test_a_spoiled_answer_is_an_error_and_the_next_good_one_counts(
    case: SourceCase, vendor: Vendor, queues_of: AskQueues, situation: Situation
) -> None:
    """Every way in which HTTP goes wrong, as for agents."""
    good = fixture(FOLDER, "two-queues", case.variant)
    vendor.respond = situation.spoil(good)
    queues = queues_of()
    with pytest.raises(PollError) as caught:
        await ask(queues, TIMEOUT_MS / 1000 if situation.runs_into_timeout else 5)
    assert caught.value.outcome == case.outcomes.get(situation.name, situation.outcome)
    assert caught.value.retry_after == situation.retry_after
    assert SECRET not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
    vendor.respond = answer(good)
    assert set((await ask(queues)).queues) == {"114", "chat|1"}


@pytest.mark.parametrize("situation", HARMLESS, ids=lambda situation: situation.name)
async def test_a_good_answer_in_another_dress_counts(
    case: SourceCase, vendor: Vendor, queues_of: AskQueues, situation: Situation
) -> None:
    """What HTTP, JSON and XML allow is no error."""
    vendor.respond = situation.spoil(fixture(FOLDER, "two-queues", case.variant))
    assert set((await ask(queues_of())).queues) == {"114", "chat|1"}


def test_a_queue_is_the_same_value_in_both_forms() -> None:
    """The decision whether a row has moved rests on values being equal."""
    one, other = (
        read_queues(fixture(FOLDER, "vendor-example", form), form=form, unknown=UnknownFields()) for form in FORMS
    )
    assert one == other
