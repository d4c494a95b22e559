"""What `/api/v1/tenants` answers. The JSON, its description in docs and the tests' check are all made from these types.

A field may be added; none is removed or given another meaning within `v1`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from streamer.events.definition import Count, Health, Tenant, Timestamp
from streamer.model import State

ShownHealth: TypeAlias = Literal[Health, "unusable"]


class Unready(Struct, frozen=True, kw_only=True):
    """A part of this replica that is not served."""

    what: Annotated[str, Meta(description="`store`, `group`, or `shard 3`.")]
    reason: Annotated[str, Meta(description="Why, in one line.")]


class Shards(Struct, frozen=True, kw_only=True):
    """The shards that the tenants are spread over, here and elsewhere."""

    total: Annotated[Count, Meta(description="How many there are in all.")]
    owned: Annotated[list[int], Meta(description="The numbers of those that are this replica's.")]
    served: Annotated[Count, Meta(description="How many of its own it serves; the others are in `not_ready`.")]


class ConfigState(Struct, frozen=True, kw_only=True):
    """The config in use, and what became of the newest one."""

    ok: Annotated[bool, Meta(description="False while the files hold a config that was refused.")]
    loaded_at: Annotated[Timestamp, Meta(description="When the config in use was loaded.")]
    problem: Annotated[str | None, Meta(description="The first problem of the refused config, with its place.")]
    more_problems: Annotated[Count, Meta(description="How many more it has; `streamer check-config` shows all.")]
    restart: Annotated[list[str], Meta(description="Top-level keys that were changed and wait for a restart.")]


class Counts(Struct, frozen=True, kw_only=True):
    """How many tenants there are."""

    here: Annotated[Count, Meta(description="Those of this answer.")]
    elsewhere: Annotated[Count, Meta(description="Configured ones in shards that this replica does not own.")]
    by_health: Annotated[
        dict[str, int], Meta(description="Those here by their health; `unknown` where nothing is known yet.")
    ]


class Replica(Struct, frozen=True, kw_only=True):
    """The replica that answers."""

    name: Annotated[str, Meta(description="What the others know it by: `POD_NAME`, else made from the host's name.")]
    version: Annotated[str, Meta(description="Of the streamer.")]
    started_at: Annotated[Timestamp, Meta(description="When it started.")]
    now: Annotated[Timestamp, Meta(description="Its clock when this was put together: ages are counted from here.")]
    store: Annotated[Literal["kafka", "sqlite"], Meta(description="Where events and state are kept.")]
    ready: Annotated[bool, Meta(description="As `/readyz` says.")]
    not_ready: Annotated[list[Unready], Meta(description="What it does not serve; empty when ready.")]
    shards: Shards
    config: ConfigState
    clock_offset_seconds: Annotated[
        float | None, Meta(description="Its clock less the brokers'; null where that is not known.")
    ]
    tenants: Counts
    shows_agents: Annotated[bool, Meta(description="As `server.show_agents` says.")]


class Poll(Struct, frozen=True, kw_only=True):
    """The newest poll."""

    at: Annotated[Timestamp, Meta(description="When it ended.")]
    outcome: Annotated[str, Meta(description="`ok`, or why it failed: see operations.md.")]
    seconds: Annotated[float, Meta(ge=0, description="How long it took.")]


class Failure(Struct, frozen=True, kw_only=True):
    """The newest poll that failed; it stays when polls are good again."""

    at: Annotated[Timestamp, Meta(description="When it ended.")]
    outcome: Annotated[str, Meta(description="Why it failed: see operations.md.")]
    message: Annotated[str, Meta(description="What happened.")]
    advice: Annotated[str, Meta(description="What to do.")]


class Agents(Struct, frozen=True, kw_only=True):
    """The agents that have a status."""

    total: Annotated[Count, Meta(description="How many.")]
    by_state: Annotated[dict[State, int], Meta(description="By canonical state, those with none left out.")]


class WhoChanged(Struct, frozen=True, kw_only=True):
    """Whose status changed."""

    id: Annotated[str, Meta(description="The vendor's id.")]
    name: Annotated[str | None, Meta(description="Null with `agent_names: false`, and where the vendor tells none.")]


class StatusChange(Struct, frozen=True, kw_only=True):
    """A change that was published."""

    at: Annotated[Timestamp, Meta(description="When its event was committed.")]
    before: Annotated[State | None, Meta(description="Null where the agent came.")]
    after: Annotated[State | None, Meta(description="Null where the agent disappeared.")]
    agent: Annotated[WhoChanged | UnsetType, Meta(description="Whose; only with `server.show_agents`.")] = UNSET


class Notice(Struct, frozen=True, kw_only=True):
    """Something of a tenant that somebody should know."""

    at: Annotated[Timestamp, Meta(description="When it was noticed last.")]
    text: Annotated[str, Meta(description="What.")]
    advice: Annotated[str | None, Meta(description="What to do.")]


class TenantLine(Struct, frozen=True, kw_only=True):
    """A tenant in a shard of this replica."""

    tenant: Tenant
    source: Annotated[str, Meta(description="The vendor API that is polled.")]
    shard: Annotated[Count, Meta(description="The shard that it belongs to.")]
    health: Annotated[
        ShownHealth | None,
        Meta(description="See operations.md; null where nothing is known yet. `unusable`: not polled, see `advice`."),
    ]
    health_since: Annotated[Timestamp | None, Meta(description="Since when this replica finds it so.")]
    advice: Annotated[str | None, Meta(description="Why the health is so, and what to do.")]
    interval_ms: Annotated[int | None, Meta(description="From poll to poll; null for a tenant without config.")]
    last_poll: Annotated[Poll | None, Meta(description="Null before the first poll here.")]
    last_success: Annotated[Timestamp | None, Meta(description="When the newest good poll here ended.")]
    next_poll: Annotated[Timestamp | None, Meta(description="When the next one is due; null where none is planned.")]
    last_error: Annotated[Failure | None, Meta(description="Null where no poll failed here.")]
    agents: Annotated[Agents | None, Meta(description="Null before the first good poll here.")]
    complete_through: Annotated[Timestamp | None, Meta(description="The watermark: the stream is complete up to here.")]
    changes: Annotated[list[StatusChange], Meta(description="The newest changes, the newest first; ten at most.")]
    notices: Annotated[list[Notice], Meta(description="What else is to be known, the newest first; a few at most.")]


class Data(Struct, frozen=True, kw_only=True):
    """The replica and its tenants."""

    replica: Replica
    tenants: Annotated[list[TenantLine], Meta(description="In the order of their ids.")]


class Answer(Struct, frozen=True, kw_only=True):
    """The whole answer, in the form that Prometheus's own API has."""

    status: Literal["success"] = "success"
    data: Data
