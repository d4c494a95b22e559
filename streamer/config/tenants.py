"""What a tenant may say: the keys of every tenant, and one class per source.

To add a source: write its class below and name it in `SOURCES`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from streamer.config.base import Model
from streamer.config.oauth import OAuth, keeps_secret
from streamer.config.secrets import EnvSecret, FileSecret, OptionalSecret, SecretField
from streamer.config.status_map import StatusMap, one_meaning_each
from streamer.config.urls import BaseUrl
from streamer.config.values import (
    BasicUser,
    Flag,
    Rate,
    Text,
    count,
    duration,
    format_duration,
    numbers,
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
_parse_platform = text_matching(re.compile(r"[a-z]{2}[a-z0-9-]{0,10}"), "a platform such as na12")


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


class Tenant8x8(TenantConfig):
    """What the APIs of 8x8 have in common: a platform that gives the address, Basic authentication with a token."""

    platform: Annotated[str | None, optional(_parse_platform)] = None
    base_url: BaseUrl
    username: Text

    @property
    def account(self) -> Account:
        """The API token's user on the platform."""
        return Account(urlsplit(self.base_url).netloc, self.username)

    @model_validator(mode="after")
    def _says_where(self) -> "Tenant8x8":
        platform = self.platform is not None
        if platform == ("base_url" in self.model_fields_set):
            raise ValueError(f"{'has both' if platform else 'lacks'} platform and base_url — state one of them")
        return self


class AgentStatus8x8(Tenant8x8):
    """8x8, agent status API (vendor document "CC Managing Agent Status"): Basic authentication with an API token."""

    source: Literal["8x8-agent-status"] = "8x8-agent-status"
    platform: Annotated[str | None, optional(_parse_platform)] = None
    """The platform in the address of 8x8's Configuration Manager. Either this or `base_url`.

    When 8x8 moves the tenant.
    """
    base_url: BaseUrl = Field(default_factory=lambda data: f"https://{data['platform']}.8x8.com")
    """All of the API's address before `/api/v1`. Unset: `https://PLATFORM.8x8.com`.

    For a proxy of your own, or a simulator.
    """
    username: BasicUser = Field(examples=["acme"])
    """"Username" under Integration >> API Token in Configuration Manager."""
    password: SecretField = Field(examples=["{env: ACME_TOKEN}"])
    """The token "Action Request Token" of the same screen. It is read anew at each poll.

    A new token ends the old one for everybody.
    """
    vendor_tenant: Text = Field(default_factory=lambda data: data["username"], validate_default=True)
    """The tenant's name at 8x8. Unset: the user name.

    Where 8x8's tenant name is another than the user name.
    """

    @field_validator("vendor_tenant")
    @classmethod
    def _stays_in_its_place(cls, vendor_tenant: str) -> str:
        if vendor_tenant in (".", ".."):  # it becomes a segment of the URL's path, where these lead elsewhere
            raise ValueError(f"{vendor_tenant!r} is not the name of a tenant — write vendor_tenant as the vendor does")
        return vendor_tenant


class RealTimeStats8x8(Tenant8x8):
    """8x8, real-time statistics API (vendor document "8x8 real time statistics reporting API"): Basic authentication."""

    source: Literal["8x8-realtime-stats"] = "8x8-realtime-stats"
    platform: Annotated[str | None, optional(_parse_platform)] = None
    """The platform in the address of the tenant's login page. Either this or `base_url`.

    When 8x8 moves the tenant.
    """
    base_url: BaseUrl = Field(default_factory=lambda data: f"https://vcc-{data['platform']}.8x8.com")
    """All of the API's address before `/api/rtstats`. Unset: `https://vcc-PLATFORM.8x8.com`.

    For a proxy of your own, or a simulator.
    """
    username: BasicUser = Field(examples=["acme"])
    """The tenant's name at 8x8."""
    password: SecretField = Field(examples=["{env: ACME_TOKEN}"])
    """The token "Data Request Token" under Integration >> API Token in Configuration Manager. Read anew at each poll.

    A new token may be issued at any time.
    """
    format: Literal["json", "xml"] = "json"
    """The form of the answers. They say the same.

    Where one of them turns out not to be as documented: the vendor's document shows XML only.
    """
    queues: Flag = False
    """Whether queues are polled too. Not in this release: only `false` is accepted.

    Not yet.
    """

    @field_validator("queues")
    @classmethod
    def _are_left_out(cls, queues: bool) -> bool:  # noqa: FBT001 - pydantic calls it
        if queues:
            raise ValueError("queue gauges are not in this release — leave queues out or write false")
        return queues


class GoogleCcaip(TenantConfig):
    """Google CCAI Platform, Apps API, "Get agent statuses": Basic authentication with API credentials."""

    source: Literal["google-ccaip"] = "google-ccaip"
    base_url: BaseUrl = Field(examples=["https://acme.uc1.ccaiplatform.com"])
    """All of the API's address before `/apps/api/v1`: the subdomain and domain of the portal.

    For a proxy of your own, or a simulator.
    """
    username: BasicUser = Field(examples=["acme"])
    """The user of the API credentials: the subdomain."""
    password: SecretField = Field(examples=["{env: ACME_TOKEN}"])
    """The token under Settings > Developer Settings > API Credentials. It is read anew at each poll."""
    agent_ids: Annotated[tuple[int, ...], numbers(1, 10**15 - 1, most=10_000)] = ()
    """The agents to ask for, beside those of `team_ids`. Unset, both: no choice is stated, so all agents are asked for.

    Agents that are named no more are reported as disappeared.
    """
    team_ids: Annotated[tuple[int, ...], numbers(1, 10**15 - 1, most=10_000)] = ()
    """The teams whose agents to ask for, beside those of `agent_ids`.

    Better than `agent_ids` where people come and go.
    """
    agent_emails: Flag = False
    """Whether agents' e-mail addresses are published, as `email` under `vendor`: personal data.

    Where consumers can't do without.
    """
    agent_addresses: Flag = False
    """Whether agents' IP addresses are published, as `ip_addrs` under `vendor`: personal data.

    Where consumers can't do without.
    """

    @property
    def account(self) -> Account:
        """The API credentials at the installation."""
        return Account(urlsplit(self.base_url).netloc, self.username)

    @field_validator("status_map")
    @classmethod
    def _means_one_thing(cls, status_map: StatusMap) -> StatusMap:
        return one_meaning_each(status_map)


class Vonage(TenantConfig):
    """Vonage Contact Center, "Get agent current status" (Insights Stats API): bearer token, given or asked for."""

    source: Literal["vonage-agent-status"] = "vonage-agent-status"
    base_url: BaseUrl = Field(examples=["https://emea.api.newvoicemedia.com"])
    """All of the API's address before `/stats`: the region's.

    For a proxy of your own, or a simulator.
    """
    token: OptionalSecret = None
    """A bearer token with the scope `stats`, read anew for each request. Either this or `oauth`.

    Where something else renews the token: Vonage's are good for two hours.
    """
    oauth: Annotated[OAuth | None, AfterValidator(keeps_secret)] = None
    """The API credentials, for the scope `stats`, with which tokens are asked for. Either this or `token`."""

    @property
    def account(self) -> Account:
        """The API credentials at the region, or the place of the token."""
        return Account(urlsplit(self.base_url).netloc, self._user())

    @field_validator("status_map")
    @classmethod
    def _means_one_thing(cls, status_map: StatusMap) -> StatusMap:
        return one_meaning_each(status_map)

    @model_validator(mode="after")
    def _says_who(self) -> "Vonage":
        if (self.token is None) == (self.oauth is None):
            raise ValueError(f"{'lacks' if self.token is None else 'has both'} token and oauth — state one of them")
        return self

    def _user(self) -> str:
        match self.token:
            case EnvSecret(name):
                return f"token {name}"
            case FileSecret(path):
                return f"token {path}"
        return self.oauth.client_id if self.oauth else self.id


SOURCES: Final[Mapping[str, type[TenantConfig]]] = MappingProxyType(
    {
        "8x8-agent-status": AgentStatus8x8,
        "8x8-realtime-stats": RealTimeStats8x8,
        "google-ccaip": GoogleCcaip,
        "vonage-agent-status": Vonage,
    }
)
"""The config class of each source, by the name that tenants give as `source`."""
