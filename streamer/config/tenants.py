"""What every tenant may say, whatever its source; what a source adds is in `vendors`."""

import re
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import Annotated, Any, Final

from msgspec import Struct
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from streamer.config.base import Model
from streamer.config.status_map import StatusMap
from streamer.config.values import (
    Flag,
    Rate,
    Text,
    count,
    duration,
    format_duration,
    optional,
    parse_rate,
    parse_text,
    parse_time,
    size,
    text_matching,
)
from streamer.config.words import kind_of
from streamer.model import Millis

_TIMEOUT: Final[Millis] = 5_000

_parse_id = text_matching(re.compile(r"[A-Za-z0-9._-]{1,128}"), "a tenant id such as acme-01")
_parse_token = text_matching(re.compile(r"[A-Za-z0-9._:-]{1,128}"), "a token such as 2026-11-21")


def _distinct(value: object) -> tuple[str, ...]:
    """A list of texts; refused where it holds one twice."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list, not {kind_of(value)}")  # noqa: TRY004  pydantic reports ValueErrors only
    texts = tuple(parse_text(item) for item in value)
    if len(set(texts)) < len(texts):
        raise ValueError("names an agent twice — keep each once")
    return texts


class Account(Struct, frozen=True):
    """A vendor account, against which requests are counted: host (with its port if it is not the default) and user."""

    host: str
    user: str


class Settings(Model):
    """The keys that a tenant takes from `defaults` unless it states them itself; durations in ms, sizes in bytes."""

    interval: Annotated[Millis, duration("100ms", "1d")] = 10_000
    """From the start of one poll to the start of the next; a poll that is late is skipped, never queued.

    Shorter for finer times and fewer statuses that come and go unseen; longer to spare the vendor.
    """
    timeout: Annotated[Millis, duration("10ms", "1d")] = Field(
        default_factory=lambda data: min(_TIMEOUT, data["interval"])
    )
    """What one poll may take with all its requests, at most the interval. Unset: 5 s, or the interval if shorter.

    Longer where the vendor answers slowly.
    """
    absent_after: Annotated[int, count(1, 1_000)] = 3
    """An agent has disappeared after so many snapshots in a row without it.

    More where a vendor's answers lack agents now and then; the watermark waits while they are counted.
    """
    heartbeat: Annotated[Millis, duration("100ms", "1d")] = 60_000
    """A tenant's record on `tenant-status` is at most this old, changes or not.

    Shorter where consumers need to know sooner that silence means no change.
    """
    forget_after: Annotated[Millis, duration("1s", "3650d")] = 30 * 86_400_000
    """The row of an agent that has disappeared is erased after so long; one that returns later begins at sequence 1.

    Shorter where personal data must go sooner.
    """
    rate: Annotated[Rate | None, optional(parse_rate)] = None
    """At most so many requests are sent in a second, minute or hour, evenly. Required where tenants share an account.

    To keep within what the vendor allows. Pages, tokens and repetitions count, and wait within the poll's `timeout`.
    """
    max_body: Annotated[int, size("1KiB", "1GiB")] = 16 * 2**20
    """The largest answer that is read, both as sent and decompressed.

    Larger for tenants with tens of thousands of agents.
    """
    status_map: StatusMap = Field(default_factory=lambda: MappingProxyType({}))
    """What the tenant's own vendor statuses mean: `"5/801/1726": not_ready:training`; keys as the source writes them.

    For custom statuses and code lists. It holds from an agent's next change on, or for all after a `resync`.
    """
    agent_names: Flag = True
    """Whether agents' names are published.

    `false` where names must not leave the vendor: null from each agent's next event on; for all present at a `resync`.
    """
    allow_http: Flag = False
    """Whether the vendor may be asked without encryption. To this machine itself it always may.

    For a vendor behind a proxy of your own only: credentials travel readable.
    """
    paused: Flag = False
    """The tenant is not polled; its rows and its number stay, and its watermark waits.

    During the vendor's maintenance, say.
    """
    resync: Annotated[str | None, optional(_parse_token)] = None
    """A word of your own. When it is a new one, each agent's status is published once more under today's mapping.

    After a change of `status_map` that shall hold at once.
    """


class Defaults(Settings):
    """The settings that hold for each tenant that does not state its own."""

    def stated(self) -> dict[str, Any]:
        """What was given, by key, without what is only the product's own default."""
        return {key: getattr(self, key) for key in self.model_fields_set}


class TenantConfig(Settings, ABC):
    """One tenant with every setting resolved: what is polled, how, and what the operators want of it.

    Equal configs mean the same work; secrets are compared by their place, not by their value.
    """

    id: Annotated[str, BeforeValidator(_parse_id)] = Field(examples=["acme"])
    """The tenant's name in events, keys, metrics and logs.

    Never: under another id it is another tenant, which begins with a baseline.
    """
    source: str
    """The vendor API that is polled.

    Never for a tenant that has rows: agents' ids would not match, so it is refused.
    """
    accept_shrink_until: Annotated[Millis | None, optional(parse_time)] = None
    """Until then many agents may vanish at once without being held back for 10 minutes.

    When a team is really taken out.
    """
    forget: Flag = False
    """Erases all rows of the tenant; it is not polled any more.

    Before the tenant is taken out of the config.
    """
    forget_agents: Annotated[tuple[Text, ...], BeforeValidator(_distinct)] = ()
    """Agents whose rows are erased. They must have disappeared; others are refused.

    When a person must be forgotten.
    """

    @property
    @abstractmethod
    def account(self) -> Account:
        """The vendor account that is polled."""

    @field_validator("timeout")
    @classmethod
    def _ends_before_the_next_poll(cls, timeout: Millis, info: ValidationInfo) -> Millis:
        interval = info.data.get("interval", timeout)
        if timeout > interval:
            words = f"{format_duration(timeout)} is longer than the interval {format_duration(interval)}"
            raise ValueError(f"{words} — use at most the interval")
        return timeout

    @field_validator("rate")
    @classmethod
    def _allows_each_poll(cls, rate: Rate | None, info: ValidationInfo) -> Rate | None:
        interval = info.data.get("interval")
        if rate and interval and rate.interval > interval:
            words = f"{rate} allows less than one request per interval of {format_duration(interval)}"
            raise ValueError(f"{words} — raise rate or interval")
        return rate
