"""Taking a changed config into use: its tenants at once, what the process was built upon with the next start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from streamer.config import Config
from streamer.config.watching import Change, Loaded
from streamer.polling.roster import Roster
from streamer.signals import ConfigLoaded, ConfigRefused, Observer

RESTART: Final = ("store", "kafka", "server", "retention")
"""Top-level keys that take effect with the next start. All others are about tenants, or settled in them."""


class Reloader:
    """Follows the changes of a config."""

    def __init__(self, config: Config, *, roster: Roster, observer: Observer) -> None:
        """Take the config that the process was started with, and the roster that was made of it."""
        self._started_with = config
        self._tenants = {tenant.id: tenant for tenant in config.tenants}
        self._roster = roster
        self._observer = observer

    async def follow(self, changes: AsyncIterator[Change]) -> None:
        """Take each change as it comes."""
        async for change in changes:
            self.take(change)

    def take(self, change: Change) -> None:
        """Have the tenants of a good config polled; of a bad one tell what is wrong with it, and leave all as it is."""
        if not isinstance(change, Loaded):
            problems = tuple(str(problem) for problem in change.error.problems)
            self._observer(ConfigRefused(problems=problems, asked=change.asked))
            return
        before, now = self._tenants, {tenant.id: tenant for tenant in change.config.tenants}
        stayed = before.keys() & now.keys()
        self._tenants = now
        self._roster.replace(now.values(), touched=change.touched)
        self._observer(
            ConfigLoaded(
                tenants=len(now),
                added=len(now.keys() - before.keys()),
                changed=sum(now[each] != before[each] or each in change.touched for each in stayed),
                removed=len(before.keys() - now.keys()),
                restart=tuple(
                    key for key in RESTART if getattr(change.config, key) != getattr(self._started_with, key)
                ),
            )
        )
