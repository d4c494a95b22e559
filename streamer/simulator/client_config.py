"""The config of a client that polls the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamer.simulator.google import CUSTOM
from streamer.simulator.identity import TEAMS
from streamer.simulator.settings import tenant_ids

Entry = dict[str, object]


def tenants_config(
    base_url: str,
    count: int,
    *,
    password_env: str = "SIMULATOR_PASSWORD",  # noqa: S107 - its place, not itself
    source: str = "8x8-agent-status",
) -> list[Entry]:
    """The `tenants` list of a `streamer.yaml` that polls `count` simulated tenants at `base_url` through a `source`.

    All of them take their password from the environment variable `password_env`, which the caller sets to
    `SHARED_PASSWORD`. Raises `KeyError` for an unknown source.
    """
    keys = _KEYS[source]
    return [
        {"id": tenant, "source": source, "base_url": base_url, **keys(base_url, tenant, {"env": password_env})}
        for tenant in tenant_ids(count)
    ]


def _basic(_base_url: str, tenant: str, secret: Entry) -> Entry:
    return {"username": tenant, "password": secret}


def _oauth(base_url: str, tenant: str, secret: Entry) -> Entry:
    return {"oauth": {"token_url": f"{base_url}/oauth/token", "client_id": tenant, "client_secret": secret}}


def _teams(base_url: str, tenant: str, secret: Entry) -> Entry:
    custom = {status: f"not_ready:{status}" for status in CUSTOM}
    return {**_basic(base_url, tenant, secret), "team_ids": list(range(1, TEAMS + 1)), "status_map": custom}


_KEYS: Mapping[str, Callable[[str, str, Entry], Entry]] = {
    "8x8-agent-status": _basic,
    "8x8-realtime-stats": _basic,
    "vonage-agent-status": _oauth,
    "google-ccaip": _teams,
}
"""The keys of a source that say who asks."""
