"""What every source must do. A new source adds its `SourceCase` to `cases`, and all situations are run through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streamer.config import TenantConfig

SECRET_VARIABLE = "CONTRACT_SECRET"
SECRET = "t0ken-never-to-be-told"
STRANGE = "../../a/b?c#d%2e ü\udc80"
"""An id that would lead elsewhere if it came into a URL as it is."""
PERSONAL = (
    *("Padma", "Othertask", "Jane", "Smith", "Ilya", "Workshard"),
    *("Marie", "Sanders"),
    *("Vader", "Craig", "Raymond", "notanakin", "@nelson", "34.211."),
)
"""Parts of names, e-mail and IP addresses that the fixtures hold; no error may repeat them."""


@dataclass(frozen=True, kw_only=True)
class SourceCase:
    """One source as the contract sees it.

    `config` makes a tenant's config for a base URL, with settings that differ from the case's own. `path` is what is
    asked for all agents and `good` the answer, which holds `agents`; `agent_path` and `good_agent` are the same for
    the one agent `agent`. `credentials` is the `Authorization` that must be sent while the secret is `SECRET`.
    `body` and `agent_body` are what the two requests carry. `other_agent` is an id that the vendor might have given to
    another agent; `strange_path` is what is asked for `STRANGE`, None where the vendor has no such ids. `variant` tells
    apart the cases of one source; `outcomes` are those of situations that mean something else at this vendor's.
    `status_field` is what the vendor calls the field that holds a status. `shown_as` is the id of `agent` in events, where it is asked for by another.
    """

    name: str
    config: Callable[..., TenantConfig]
    path: str
    good: bytes
    agents: frozenset[str]
    agent: str
    agent_path: str
    good_agent: bytes
    credentials: str
    body: bytes = b""
    agent_body: bytes = b""
    other_agent: str = "another"
    strange_path: str | None
    status_field: str
    variant: str = ""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    shown_as: str | None = None

    def __str__(self) -> str:
        """Return what tests call the case."""
        return f"{self.name} {self.variant}".rstrip()
