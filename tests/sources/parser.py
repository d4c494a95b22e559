"""A source's parser as spoiled payloads see it. A new source adds its `Parser` to `cases`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hypothesis import strategies as st

from streamer.clock import SystemClock
from streamer.config import TenantConfig
from streamer.model import AgentStatus
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from streamer.sources.source import Source
from tests.sources.mutated import as_xml, edited_values
from tests.sources.second_reader import Item
from tests.sources.vendor import fixture

Memo = Mapping[bytes, AgentStatus]


@dataclass(frozen=True, kw_only=True)
class Parser:
    """How one source reads an answer: from the body and a memo to the agents and the next memo.

    `keys` are fields that edits are fond of. `items` finds an answer's items by other means, `agent_id` is the id that
    an item stands for, and a change of an item's `aside`, or of a field that nobody documented, is no change.
    """

    name: str
    config: Callable[..., TenantConfig]
    read: Callable[[bytes, Memo], tuple[Mapping[str, AgentStatus], Memo]]
    keys: tuple[str, ...]
    items: Callable[[bytes], Sequence[Item]]
    agent_id: Callable[[Item], str]
    aside: frozenset[str]
    situation: str = "vendor-example"
    form: str = "json"
    remembers: bool = True

    def __str__(self) -> str:
        """Return what tests call the parser."""
        return f"{self.name} {self.form}"

    @cached_property
    def example(self) -> bytes:
        """A good answer: the vendor's own example."""
        return fixture(self.name, self.situation, self.form)

    @cached_property
    def before(self) -> Mapping[str, tuple[Item, AgentStatus]]:
        """The example's items and what they are read as, by agent id."""
        statuses = self.read(self.example, {})[0]
        items = {self.agent_id(item): item for item in self.items(self.example)}
        assert items.keys() == statuses.keys()
        return {agent: (items[agent], status) for agent, status in statuses.items()}

    @cached_property
    def source(self) -> Source:
        """The source of a tenant, for what it thinks of two statuses; it asks nobody."""
        clock = SystemClock()
        return make_source(self.config("https://vendor.example"), http=Http(clock=clock), clock=clock)

    def edited(self) -> st.SearchStrategy[bytes]:
        """Good answers with edited values, in this form."""
        return edited_values(fixture(self.name, self.situation), self.keys).map(self.dressed)

    def dressed(self, document: bytes) -> bytes:
        """Write JSON in this form."""
        return as_xml(document) if self.form == "xml" else document

    def false_change(self, body: bytes, agents: Mapping[str, AgentStatus]) -> str | None:
        """Say what was made of a body that it does not say: an agent invented or lost, or one that did not change."""
        items = [(self.agent_id(item), item) for item in self.items(body)]
        if [agent for agent, _ in items] != list(agents):
            return f"{[agent for agent, _ in items]} was read as {list(agents)}"
        for agent, item in items:
            known = self.before.get(agent)
            if known is None or self._told(item) != self._told(known[0]):
                continue
            transition = self.source.transition(known[1].vendor, known[1].entered, agents[agent])
            if not transition.same or transition.missed or transition.older:
                return f"{agent} is as before, but {transition}"
        return None

    def _told(self, item: Item) -> Item:
        return {key: value for key, value in item.items() if value is not None and key not in self.aside}
