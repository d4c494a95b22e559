from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from streamer.service.log_subscriber import REMIND_AFTER, RESTORING_EVERY, LogSubscriber
from streamer.service.quiet import MOST_THINGS
from streamer.signals import (
    AgentsHeld,
    ConfigLoaded,
    ConfigRefused,
    FieldsUnknown,
    GroupHeard,
    GroupSilent,
    HealthChanged,
    OperatorKey,
    PollFinished,
    QueuesPolled,
    RestoreAdvanced,
    SchemaProblem,
    SchemasChecked,
    ShardDropped,
    ShardsPlaced,
    ShardTaken,
    Signal,
    SnapshotHeld,
    StatusUnmapped,
    TakeOverFailed,
    TenantGone,
    UnconfiguredTenants,
    VendorClockFault,
)
from tests.support.values import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service.conftest import HandClock

ACME = {"tenant": "acme", "source": "s"}


class Told:
    """A subscriber and the lines that it logged."""

    def __init__(self, clock: HandClock, lines: list[Any]) -> None:
        """Take where the lines are captured."""
        self._subscriber = LogSubscriber(clock=clock)
        self._lines = lines

    def lines(self, *signals: Signal) -> list[dict[str, Any]]:
        """Pass signals on and return the lines that were logged for them."""
        self._lines.clear()
        for signal in signals:
            self._subscriber(signal)
        return list(self._lines)

    def texts(self, *signals: Signal) -> list[str]:
        """Pass signals on and return what was logged, without the keys."""
        return [line["event"] for line in self.lines(*signals)]


@pytest.fixture
def told(clock: HandClock) -> Iterator[Told]:
    """A subscriber of a process that has just started."""
    with capture_logs() as lines:
        yield Told(clock, lines)


def health(now: str, before: str | None = None, advice: str | None = None) -> HealthChanged:
    """Return the signal of one tenant."""
    return HealthChanged(before=before, health=now, advice=advice, **ACME)


def failed() -> PollFinished:
    """Return the signal of one failed poll."""
    return PollFinished(outcome="timeout", seconds=5.0, finished=NOON, error="no answer", **ACME)


def test_a_tenant_that_goes_down_is_one_line_and_one_when_it_is_back(told: Told) -> None:
    """The polls that fail in between are none."""
    down = health("failing", "ok", "no answer - ask the vendor")
    lines = told.lines(health("ok"), failed(), down, *[failed()] * 50, health("ok", "failing"))
    assert lines == [
        {
            "event": "tenant is down",
            "log_level": "warning",
            "health": "failing",
            "advice": "no answer - ask the vendor",
            **ACME,
        },
        {"event": "tenant is back", "log_level": "info", "health": "ok", "before": "failing", **ACME},
    ]


def test_a_tenant_that_is_well_from_the_start_is_no_line(told: Told) -> None:
    """Silence is good news."""
    assert told.lines(health("ok"), health("ok", "ok")) == []


@pytest.mark.parametrize("state", ["failing", "auth_failed", "not_enabled", "degraded", "unusable"])
def test_each_state_that_needs_somebody_is_a_warning(told: Told, state: str) -> None:
    """It names the state, so that a line alone says what to do."""
    (line,) = told.lines(health(state))
    assert (line["log_level"], line["health"]) == ("warning", state)


def test_a_shard_that_is_taken_over_again_repeats_nothing(told: Told) -> None:
    """A new poller tells its health anew; this process has said it already."""
    assert told.texts(health("failing"), health("failing", "failing")) == ["tenant is down"]


def test_a_restart_says_what_is_still_down(told: Told) -> None:
    """The stored health is not what this process's log has said."""
    assert told.texts(health("failing", "failing")) == ["tenant is down"]


def test_a_tenant_that_was_down_before_a_restart_is_back(told: Told) -> None:
    """The line that says so is owed since the last process."""
    assert told.texts(health("ok", "failing")) == ["tenant is back"]


def test_a_paused_tenant_is_no_warning(told: Told) -> None:
    """Somebody wanted it so."""
    (line,) = told.lines(health("paused", "ok", "paused: true in the config"))
    assert (line["log_level"], line["event"]) == ("info", "tenant is paused")


def test_held_snapshots_are_said_once_until_the_tenant_is_well(told: Told) -> None:
    """A quarantine lasts minutes, and each poll of it is held."""
    held = SnapshotHeld(tenant="acme", reason="shrunk")
    assert told.texts(held, held, held) == ["snapshot is held"]
    assert told.texts(health("degraded"), health("ok", "degraded"), held) == [
        "tenant is down",
        "tenant is back",
        "snapshot is held",
    ]


def test_refused_events_are_said_again_after_a_while_with_their_number(told: Told, clock: HandClock) -> None:
    """One line for each reason, whatever the rate; nothing is left uncounted."""
    refused = AgentsHeld(tenant="acme", reason="too_large", count=2)
    assert [line["times"] for line in told.lines(refused, refused, refused)] == [2]
    clock.now = REMIND_AFTER
    assert [line["times"] for line in told.lines(refused)] == [6]
    assert told.texts(AgentsHeld(tenant="acme", reason="invalid", count=1)) == ["agents keep their stored state"]


def test_queues_that_fail_or_are_refused_are_said_once(told: Told) -> None:
    """Each kind of failure by its own words, and each reason of a refusal with the number of rows."""
    failed = QueuesPolled("acme", "s", "timeout", error="no answer - ask the vendor")
    (line,) = told.lines(*[failed] * 5)
    assert (line["event"], line["outcome"], line["advice"]) == (
        "queues are not known",
        "timeout",
        "no answer - ask the vendor",
    )
    refused = QueuesPolled("acme", "s", "ok", refused=("too_large", "too_large"))
    (line,) = told.lines(*[refused] * 3)
    assert (line["event"], line["reason"], line["times"]) == ("queues keep their stored rows", "too_large", 2)
    assert told.lines(QueuesPolled("acme", "s", "ok", written=3)) == []


def test_a_vendor_cannot_flood_the_log_with_codes(told: Told) -> None:
    """Each unmapped code once, a bounded number of them, each cut off."""
    codes = [StatusUnmapped(field="status", code=f"{number}-" + "x" * 1000, **ACME) for number in range(1000)]
    lines = told.lines(*codes, *codes)
    assert len(lines) == MOST_THINGS
    assert max(len(line["code"]) for line in lines) == 64


def test_an_unknown_field_is_said_once_for_a_tenant(told: Told, clock: HandClock) -> None:
    """However long it stays, until the tenant is polled here anew; another tenant's vendor may send it too."""
    mood, both = (FieldsUnknown(fields=frozenset(names), **ACME) for names in (["[].mood"], ["[].mood", "paging"]))
    (line,) = told.lines(mood, mood)
    assert (line["log_level"], line["tenant"], line["fields"]) == ("info", "acme", ["[].mood"])
    clock.now = 10 * REMIND_AFTER
    lines = told.lines(mood, both, health("degraded"), health("ok", "degraded"), both)
    assert [line["fields"] for line in lines if "fields" in line] == [["paging"]]
    (other,) = told.lines(FieldsUnknown("other", "s", frozenset({"paging"})))
    assert other["tenant"] == "other"
    assert [line["fields"] for line in told.lines(TenantGone(**ACME), both)] == [["[].mood", "paging"]]


def test_a_vendor_cannot_flood_the_log_with_fields(told: Told) -> None:
    """A bounded number of names, and none of what else is said of the tenant is lost to them."""
    fields = [FieldsUnknown(fields=frozenset({f"[].x{number}"}), **ACME) for number in range(1000)]
    assert len(told.lines(*fields)) == MOST_THINGS
    assert told.texts(SnapshotHeld(tenant="acme", reason="shrunk")) == ["snapshot is held"]


def test_a_vendor_clock_fault_is_said_once(told: Told) -> None:
    """It comes with every poll while the vendor's clock is wrong."""
    fault = VendorClockFault(tenant="acme", count=3)
    assert told.texts(fault, fault) == ["vendor times lie in the future"]


def test_operators_read_that_their_keys_were_seen_to(told: Told) -> None:
    """Each time, with the outcome."""
    (line,) = told.lines(OperatorKey(tenant="acme", key="forget_agents", outcome="refused: still present", count=2))
    assert (line["key"], line["outcome"], line["count"]) == ("forget_agents", "refused: still present", 2)


def test_shards_taken_and_dropped_are_lines(told: Told) -> None:
    """A shard given up in good order is no warning."""
    lines = told.lines(
        ShardTaken(shard=3, seconds=0.12345, tenants=4, agents=900),
        ShardDropped(shard=3, reason="fenced"),
        ShardDropped(shard=3, reason="stopped"),
    )
    assert lines[0] == {
        "event": "shard is taken",
        "log_level": "info",
        "shard": 3,
        "seconds": 0.123,
        "tenants": 4,
        "agents": 900,
    }
    assert [(line["event"], line["log_level"]) for line in lines[1:]] == [
        ("shard is dropped", "warning"),
        ("shard is dropped", "info"),
    ]


def test_a_rebalance_is_one_line_if_shards_move_and_none_if_not(told: Told) -> None:
    """With their numbers in short."""
    owned = frozenset({0, 1, 2, 7})
    first = ShardsPlaced(shards=owned, gained=owned, lost=frozenset())
    (line,) = told.lines(first, ShardsPlaced(shards=owned, gained=frozenset(), lost=frozenset()))
    assert line == {
        "event": "shards are placed anew",
        "log_level": "info",
        "owned": 4,
        "gained": "0-2,7",
        "lost": "",
    }


def test_a_group_that_falls_silent_is_a_warning_but_for_the_joining_at_first(told: Told) -> None:
    """And a line when it is heard again."""
    lines = told.lines(
        GroupSilent(reason="not joined yet"), GroupHeard(), GroupSilent(reason="no answer"), GroupHeard()
    )
    assert [(line["log_level"], line["event"], line.get("reason")) for line in lines] == [
        ("info", "consumer group is not heard", "not joined yet"),
        ("info", "consumer group is joined", None),
        ("warning", "consumer group is not heard", "no answer"),
        ("info", "consumer group is heard again", None),
    ]


def test_a_take_over_that_keeps_failing_is_one_line_for_each_reason(told: Told) -> None:
    """A broker that is away for an hour is not a thousand lines; the next time it is said again."""
    timeout = TakeOverFailed(shard=3, reason="timeout: 10 s", retry_in=1.0)
    again = TakeOverFailed(shard=3, reason="timeout: 11 s", retry_in=2.0)
    fenced = TakeOverFailed(shard=3, reason="fenced", retry_in=1.0)
    assert [line["reason"] for line in told.lines(timeout, again, again, fenced)] == ["timeout: 10 s", "fenced"]
    told.lines(ShardTaken(shard=3, seconds=0.1, tenants=0, agents=0))
    assert told.texts(fenced) == ["shard can't be taken over"]


def test_what_is_refused_to_all_shards_is_one_line(told: Told) -> None:
    """A wrong password is the same for each of a hundred shards; another refusal, or the next time, is news."""
    why = "refused: broker:9093 refuses the login"
    dropped = [ShardDropped(shard=number, reason=why) for number in range(3)]
    assert [line["reason"] for line in told.lines(*dropped)] == [why, "refused", "refused"]
    failed = [TakeOverFailed(shard=number, reason=why, retry_in=1.0) for number in range(3)]
    assert told.texts(*failed) == []
    other = TakeOverFailed(shard=4, reason="refused: something else", retry_in=1.0)
    assert told.texts(other) == ["shard can't be taken over"]
    told.lines(ShardTaken(shard=3, seconds=0.1, tenants=0, agents=0))
    assert told.texts(TakeOverFailed(shard=5, reason=why, retry_in=1.0)) == ["shard can't be taken over"]


def test_tenants_without_config_are_said_when_their_number_changes(told: Told) -> None:
    """None from the start is no news; none any more is."""
    counts = [UnconfiguredTenants(shard=1, count=count) for count in (0, 2, 2, 0)]
    assert told.texts(*counts) == ["tenants have rows but no config", "all tenants with rows have a config again"]


def test_a_tenant_that_is_gone_is_forgotten(told: Told) -> None:
    """When it comes back to this process, its troubles are news again."""
    held = SnapshotHeld(tenant="acme", reason="empty")
    told.lines(health("failing"), held, TenantGone(**ACME))
    assert told.texts(health("failing"), held) == ["tenant is down", "snapshot is held"]


def refused(*problems: str, asked: bool = False) -> ConfigRefused:
    """Return the signal of a config that can't be used."""
    return ConfigRefused(problems=problems, asked=asked)


def test_a_refused_config_is_one_line_for_each_distinct_fault(told: Told) -> None:
    """However often its files change; who asked is always answered; a good one in between makes it news again."""
    good = ConfigLoaded(tenants=3, added=1, changed=0, removed=0)
    one, other = "streamer.yaml:3:5: store: missing — add it", "streamer.yaml:9:1: tenants: must be a list"
    lines = told.lines(refused(one), *[refused(one)] * 5, refused(other, one), refused(other, one, asked=True))
    assert [(line["log_level"], line["event"], line["problem"], line["more"]) for line in lines] == [
        ("error", "config is refused", one, 0),
        ("error", "config is refused", other, 1),
        ("error", "config is refused", other, 1),
    ]
    lines = told.lines(good, refused(other, one))
    assert [line["event"] for line in lines] == ["config is in use", "config is refused"]
    assert lines[0] == {
        "event": "config is in use",
        "log_level": "info",
        "tenants": 3,
        "added": 1,
        "changed": 0,
        "removed": 0,
    }


def test_keys_that_need_a_restart_are_a_warning(told: Told) -> None:
    """The rest of that config is in use."""
    lines = told.lines(ConfigLoaded(tenants=3, added=0, changed=0, removed=0, restart=("kafka", "server")))
    assert [(line["log_level"], line.get("keys")) for line in lines] == [
        ("info", None),
        ("warning", ["kafka", "server"]),
    ]


def test_a_long_restoration_is_told_every_ten_seconds_for_all_shards_together(told: Told, clock: HandClock) -> None:
    """What is done sooner needs no line, and the next one begins anew."""
    assert told.texts(advanced(0, 0), advanced(1, 0), advanced(0, 90)) == []
    clock.now += RESTORING_EVERY
    told.lines(taken(0))
    [line] = told.lines(advanced(1, 20), advanced(1, 21))
    assert (line["event"], line["shards"], line["left"]) == ("shards are being restored", 2, 1)
    assert (line["done"], line["total"]) == (110, 200)
    clock.now += RESTORING_EVERY
    assert told.texts(advanced(1, 40)) == ["shards are being restored"]
    told.lines(TakeOverFailed(shard=1, reason="hanging", retry_in=1.0))
    clock.now += RESTORING_EVERY
    assert told.texts(advanced(1, 0)) == []


def advanced(shard: int, done: int) -> RestoreAdvanced:
    """Return the signal of a shard of a hundred offsets."""
    return RestoreAdvanced(shard=shard, done=done, total=100)


def taken(shard: int) -> ShardTaken:
    """Return the signal of its end."""
    return ShardTaken(shard=shard, seconds=1.0, tenants=1, agents=1)


def schemas(*ids: str, refused: str = "", unreachable: str = "") -> SchemasChecked:
    """Return what was found of the subjects a to d: the ids, and which have which problem."""
    subjects = dict(zip("abcd", ids, strict=False))
    problems = {each: SchemaProblem(kind="incompatible", text=f"{each} is refused") for each in refused}
    problems |= {each: SchemaProblem(kind="unreachable", text="can't connect") for each in unreachable}
    return SchemasChecked(ids=subjects, problems=problems)


def test_a_schema_registry_is_a_line_when_it_fails_and_one_when_it_is_back(told: Told) -> None:
    """Each kind of problem is told once, with all the subjects that have it, however often it is found again."""
    assert told.texts(schemas("1", "1", "2", "3"), schemas("1", "1", "2", "3")) == ["schemas are registered"]
    lines = told.lines(*[schemas(unreachable="abcd")] * 20, *[schemas("1", "1", refused="cd")] * 20)
    assert [(each["event"], each["subjects"], each["reason"]) for each in lines] == [
        ("schemas are not registered", ["a", "b", "c", "d"], "can't connect"),
        ("schemas are not registered", ["c", "d"], "c is refused"),
    ]
    (line,) = told.lines(*[schemas("1", "1", "2", "3")] * 20)
    assert line == {
        "event": "schemas are registered",
        "log_level": "info",
        "ids": {"a": "1", "b": "1", "c": "2", "d": "3"},
    }


def test_what_a_schema_registry_goes_on_refusing_is_said_again_after_a_while(told: Told, clock: HandClock) -> None:
    assert len(told.lines(schemas(refused="abcd"))) == 1
    clock.now += REMIND_AFTER
    assert [line["times"] for line in told.lines(*[schemas(refused="abcd")] * 3)] == [1]


def test_a_schema_registry_that_gives_other_ids_is_a_warning(told: Told) -> None:
    """It has lost its data: the ids in older records may mean nothing to it."""
    told.lines(schemas("1", "1", "2", "3"))
    (line,) = told.lines(*[schemas("1", "1", "7", "8")] * 2)
    assert (line["log_level"], line["event"]) == ("warning", "schema registry gives other ids than before")
    assert line["subjects"] == ["c", "d"]
