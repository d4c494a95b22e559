"""A whole trial: simulator, service and store as processes, and in the end what was published beside what was true."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from streamer.simulator import FIRST_NAMES, LAST_NAMES
from tests.oracle import Evidence, Facts, Message, Verdict, judge, same_stream
from tests.support.polled import AGENT_STATUS, STATISTICS, polled, tenants_of, truth_of
from tests.support.programs import PASSWORD, PASSWORD_VARIABLE, ServiceProgram, SimulatorProgram, wait_until
from tests.support.readers import EVENTS, ROWS, TENANTS, Follower, KafkaReader, Reader, SqliteReader

PARTITIONS = 3
ABSENT_AFTER = 3
QUIET_POLLS = ABSENT_AFTER + 3
"""Good polls after the last change until all of it must be told: a disappearance takes `ABSENT_AFTER`."""

CACHED_FOR = 10.0
"""Seconds for which the simulated vendor's real-time statistics may be as they were."""

SETTLE_WITHIN = 60.0

RELOADED = "streamer_config_last_reload_success_timestamp_seconds"

SCALE = int(os.environ.get("STREAMER_TEST_SCALE", "1"))
"""How many times as many kills and outages, and how many times as long, as in CI."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store: what the config says of it, and how others read it."""

    name: str
    config: Mapping[str, Any]
    reader: Reader

    @property
    def is_static(self) -> bool:
        """Whether each service takes all shards, whoever else may have them."""
        return "static_shards" in self.config.get("kafka", ())

    @property
    def compacts(self) -> bool:
        """Whether the table holds no history."""
        return self.name == "sqlite"


def kafka_place(bootstrap: str, prefix: str) -> Place:
    """Return the store of a broker and a prefix, for one replica: it need not wait for a group to notice its end."""
    return shared_place(bootstrap, prefix, partitions=PARTITIONS, static_shards="all")


def shared_place(bootstrap: str, prefix: str, **keys: Any) -> Place:
    """Return the store of a cluster and a prefix, for replicas that share its shards; `keys` are more of `kafka`."""
    kafka = {"bootstrap_servers": bootstrap.split(","), "topic_prefix": prefix, **keys}
    return Place(name="kafka", config={"store": "kafka", "kafka": kafka}, reader=KafkaReader(bootstrap, prefix))


def sqlite_place(folder: Path) -> Place:
    """Return the embedded store in a folder."""
    path = folder.absolute() / "streamer.db"
    return Place(name="sqlite", config={"store": f"sqlite:///{path}"}, reader=SqliteReader(path))


@dataclass(frozen=True, kw_only=True)
class TrialSettings:
    """How busy the simulated vendor is and how often it is polled.

    `churn` is so low that no outage makes a fifth of a tenant's agents go unseen: that would be held for ten minutes.
    """

    tenants: int = 3
    sources: Sequence[str] = (AGENT_STATUS,)
    agents: int = 50
    speed: float = 30.0
    churn: float = 0.005
    seed: int = 1
    interval: str = "500ms"
    heartbeat: str = "1s"
    tenant_keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def simulator_of(settings: TrialSettings, folder: Path) -> SimulatorProgram:
    """Return the vendor that the settings describe, not yet started."""
    options = {
        "--tenants": settings.tenants,
        "--agents": settings.agents,
        "--speed": settings.speed,
        "--churn": settings.churn,
        "--seed": settings.seed,
    }
    return SimulatorProgram(*(str(part) for option in options.items() for part in option), folder=folder)


def service_config(place: Place, settings: TrialSettings, base_url: str) -> dict[str, Any]:
    """Return the config of a service that polls all tenants at `base_url`, but for its server."""
    tenants = tenants_of(polled(settings.tenants, settings.sources), base_url, password_env=PASSWORD_VARIABLE)
    for tenant in tenants:
        tenant.update(settings.tenant_keys.get(tenant["id"], {}))
    defaults = {"interval": settings.interval, "heartbeat": settings.heartbeat, "absent_after": ABSENT_AFTER}
    return {**place.config, "defaults": defaults, "tenants": tenants}


class Trial:
    """Entered, the simulator serves; `start` begins to publish, `end` lets everything settle and gives the evidence."""

    def __init__(self, place: Place, folder: Path, settings: TrialSettings) -> None:
        """Take the store, a folder for files, and the settings."""
        self.place = place
        self.settings = settings
        self.polled = polled(settings.tenants, settings.sources)
        self.simulator = simulator_of(settings, folder)
        self.service = ServiceProgram(self.config(), folder=folder)
        self._stack = ExitStack()
        self._live: Follower | None = None

    def __enter__(self) -> Self:
        """Start the simulator."""
        self._stack.enter_context(self.simulator)
        self._stack.callback(self.service.close)
        return self

    def __exit__(self, *_: object) -> None:
        """Make sure that nothing is left running."""
        self._stack.close()

    def config(self, keys: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """Return the service's config; `keys` are keys of single tenants beside those of the settings."""
        config = service_config(self.place, self.settings, self.simulator.base_url)
        for tenant in config["tenants"]:
            tenant.update((keys or {}).get(tenant["id"], {}))
        return config

    @property
    def tenants(self) -> list[str]:
        """The tenants' ids."""
        return [each.id for each in self.polled]

    def start(self) -> None:
        """Start the service, wait until it is ready, and begin to read along."""
        self.service.start()
        self.begin()

    def begin(self) -> None:
        """Wait until the service, which runs, is ready, and begin to read along."""
        self.service.wait_ready()
        if self._live is None:
            self.place.reader.keep_history()
            self._live = self._stack.enter_context(self.place.reader.follow(EVENTS))

    def restart(self, keys: Mapping[str, Mapping[str, Any]] | None = None, *, without: Collection[str] = ()) -> None:
        """Stop the service in good order and start it with other keys of its tenants, and without some of them."""
        assert self.service.stop() == 0, self.service.log_tail()
        config = self.config(keys)
        config["tenants"] = [tenant for tenant in config["tenants"] if tenant["id"] not in without]
        self.service.configure(config)
        self.start()

    def change(self, keys: Mapping[str, Mapping[str, Any]] | None = None, *, without: Collection[str] = ()) -> None:
        """Give the running service other keys of its tenants, and take some out; wait until that is in use."""
        before = self.service.metric(RELOADED)
        config = self.config(keys)
        config["tenants"] = [tenant for tenant in config["tenants"] if tenant["id"] not in without]
        self.service.configure(config)
        wait_until(lambda: self.service.metric(RELOADED) > before, "the changed config is in use", within=SETTLE_WITHIN)

    def move(self, place: Place) -> None:
        """Have the next life of the service publish elsewhere; from then on that place is what is read and judged."""
        self.place, self._live = place, None
        self.service.configure(self.config())

    def wait_for_polls(
        self, count: int, tenants: Collection[str] | None = None, *, within: float = SETTLE_WITHIN
    ) -> None:
        """Wait until each tenant (or each of these) has had so many more good polls."""
        asked = self.tenants if tenants is None else tenants
        before = {tenant: self.good_polls(tenant) for tenant in asked}

        def had(tenant: str) -> bool:
            now = self.good_polls(tenant)
            before[tenant] = min(before[tenant], now)  # a counter goes with the shard, and begins anew
            return now >= before[tenant] + count

        def all_had() -> bool:
            return all(had(tenant) for tenant in asked)

        wait_until(all_had, f"each tenant has {count} more good polls", within=within)

    def settle(self, tenants: Collection[str] | None = None) -> None:
        """Let nothing more happen and wait until all that happened must have been told."""
        self.simulator.freeze()
        if STATISTICS in self.settings.sources:
            pause(CACHED_FOR)
        self.wait_for_polls(QUIET_POLLS, tenants)

    def end(self, settled: Collection[str] | None = None, **facts: Any) -> Evidence:
        """Settle, stop the service in good order, and read what was published."""
        asked = self.tenants if settled is None else settled
        self.settle(asked)
        assert self.service.stop() == 0, self.service.log_tail()
        return self.evidence(settled=asked, **facts)

    def evidence(self, **facts: Any) -> Evidence:
        """Read what was published and what is true by now."""
        read = self.place.reader.read
        return Evidence(
            events=read(EVENTS),
            rows=read(ROWS),
            tenants=read(TENANTS),
            truth=truth_of(self.simulator.truth(), self.polled),
            facts=Facts(**{"absent_after": ABSENT_AFTER, **facts}),
            rows_compacted=self.place.compacts,
        )

    def seen_live(self, count: int) -> list[Message]:
        """Return the events that a reader got while they were published: so many, and what else there was."""
        assert self._live is not None, "start() comes first"
        return self._live.finish(count)

    def last_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Return each tenant's last record on `tenant-status`."""
        messages = self.place.reader.read(TENANTS)
        return {each.key.decode(): json.loads(each.value) for each in messages if each.value is not None}

    def good_polls(self, tenant: str) -> float:
        """Return how many good polls of a tenant this life of the service counted."""
        if not self.service.running:
            raise AssertionError(f"the service ended:\n{self.service.log_tail()}")
        return self.service.metric("streamer_polls_total", tenant=tenant, outcome="ok")


def judge_trial(trial: Trial, settled: Collection[str] | None = None, **facts: Any) -> Verdict:
    """End a trial and judge it.

    The reader that read along must have seen what is there in the end, and nothing private was logged.
    """
    evidence = trial.end(settled, **facts)
    verdict = judge(evidence)
    print(f"{trial.place.name}: {verdict}")  # noqa: T201 - pytest shows it where it fails, and with -s
    assert not verdict.violations, f"{verdict}\n{trial.service.log_tail()}"
    leaked = leaks(trial, {"log": trial.service.log(), "stdout": trial.service.output()})
    assert not leaked, leaked
    differences = list(same_stream(trial.seen_live(len(evidence.events)), evidence.events))
    assert not differences, differences
    return verdict


def leaks(trial: Trial, said: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return each secret, agent's id and agent's name that is in a text, with the text's name."""
    lines = trial.simulator.truth()
    agents = {line["agent"] for line in lines if "agent" in line}
    agents |= {line["ids"][name] for line in lines if "ids" in line for name in ("login", "guid")}
    forbidden = {PASSWORD, *agents, *FIRST_NAMES, *LAST_NAMES}
    return {(name, word) for name, text in said.items() for word in forbidden if word in text}


def new_dice() -> random.Random:
    """Return randomness whose seed is printed; `STREAMER_TEST_SEED` sets it."""
    seed = int(os.environ.get("STREAMER_TEST_SEED", random.SystemRandom().randrange(10_000)))
    print(f"STREAMER_TEST_SEED={seed}")  # noqa: T201 - what pytest shows of a failed test
    return random.Random(seed)


def pause(seconds: float, *, meanwhile: Callable[[], object] | None = None) -> None:
    """Let a trial go on for so many seconds; ask `meanwhile` ten times a second."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if meanwhile is not None:
            meanwhile()
        time.sleep(min(0.1, left))
