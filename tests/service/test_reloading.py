from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streamer.config import Config, ConfigError, Problem, StoreConfig
from streamer.config.watching import Change, Loaded, Refused
from streamer.polling.roster import Roster
from streamer.service.reloading import RESTART, Reloader
from streamer.signals import ConfigLoaded, ConfigRefused, Signal
from tests.support.memory import tenant


def config(*tenants: Any, **keys: Any) -> Config:
    """Return a config with these tenants."""
    return Config(store=StoreConfig("sqlite", Path("streamer.db")), tenants=tenants, **keys)


class Service:
    """What a service has of its config."""

    def __init__(self, first: Config) -> None:
        self.signals: list[Signal] = []
        self.roster = Roster(first.tenants, shards=1)
        self.reloader = Reloader(first, roster=self.roster, observer=self.signals.append)

    def take(self, change: Change) -> Signal:
        """Take a change and return what is told of it."""
        self.reloader.take(change)
        return self.signals.pop()


@pytest.fixture
def service() -> Service:
    return Service(config(tenant("acme"), tenant("globex"), tenant("hooli")))


def test_what_a_change_changes_is_counted(service: Service) -> None:
    """Against the config that was in use before, not the first one; a new secret is a change of its tenant."""
    changed = config(tenant("acme"), tenant("globex", interval=5000), tenant("hooli"), tenant("initech"))
    assert service.take(Loaded(changed)) == ConfigLoaded(tenants=4, added=1, changed=1, removed=0)
    fewer = config(tenant("acme"), tenant("globex", interval=5000))
    assert service.take(Loaded(fewer, frozenset({"acme"}))) == ConfigLoaded(tenants=2, added=0, changed=1, removed=2)
    assert service.take(Loaded(fewer)) == ConfigLoaded(tenants=2, added=0, changed=0, removed=0)


def test_a_tenant_that_did_not_change_keeps_its_assignment(service: Service) -> None:
    """Read from the files anew, it is equal to what it was: that is what leaves its poller alone."""
    before = service.roster.of(0)
    service.take(Loaded(config(tenant("acme"), tenant("globex", paused=True), tenant("hooli")), frozenset({"hooli"})))
    after = service.roster.of(0)
    assert {name for name in after if after[name] == before[name]} == {"acme"}


def test_a_bad_config_leaves_all_as_it_is(service: Service) -> None:
    """And says what is wrong, all of it."""
    before = service.roster.of(0)
    problems = [Problem(file=Path("streamer.yaml"), line=line, column=1, message="wrong") for line in (3, 1)]
    told = service.take(Refused(ConfigError(*problems), asked=True))
    assert told == ConfigRefused(problems=("streamer.yaml:1:1: wrong", "streamer.yaml:3:1: wrong"), asked=True)
    assert service.roster.of(0) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("store", StoreConfig("sqlite", Path("other.db"))),
        ("kafka", {"partitions": 3}),
        ("server", {"port": 1}),
        ("retention", 3_600_000),
    ],
)
def test_keys_that_need_a_restart_are_named_and_the_rest_takes_effect(service: Service, key: str, value: Any) -> None:
    """Again with each change, as long as they differ from what the process was started with."""
    assert key in RESTART
    changed = Config.model_validate({**dict(config(tenant("acme"))), key: value})
    for _ in range(2):
        told = service.take(Loaded(changed))
        assert isinstance(told, ConfigLoaded)
        assert told.restart == (key,)
    assert set(service.roster.of(0)) == {"acme"}
    told = service.take(Loaded(config(tenant("acme"))))
    assert isinstance(told, ConfigLoaded)
    assert told.restart == ()


async def test_changes_are_taken_as_they_come(service: Service) -> None:
    """One after the other; keepers see the last one."""
    seen: list[set[str]] = []

    async def keep() -> None:
        async for tenants in service.roster.follow(0):
            names = set(tenants)
            seen.append(names)

    async def changes() -> AsyncIterator[Change]:
        yield Loaded(config(tenant("acme")))
        yield Loaded(config(tenant("globex")))

    keeper = asyncio.create_task(keep())
    await asyncio.sleep(0)
    await service.reloader.follow(changes())
    await asyncio.sleep(0.01)
    keeper.cancel()
    assert seen == [{"acme", "globex", "hooli"}, {"globex"}]
