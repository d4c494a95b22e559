"""The keys of tenants at 8x8."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from streamer.config.secrets import SecretField
from streamer.config.tenants import Account, TenantConfig
from streamer.config.urls import BaseUrl
from streamer.config.values import BasicUser, Flag, Text, optional, text_matching

_parse_platform = text_matching(re.compile(r"[a-z]{2}[a-z0-9-]{0,10}"), "a platform such as na12")


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
    """Whether queues are asked for too, with a second request in each poll; their gauges go to `queue-status`.

    Where wallboards or routing want them. Switched off again, the rows are erased.
    """

    @model_validator(mode="after")
    def _has_time_for_queues(self) -> "RealTimeStats8x8":
        rate = self.rate
        if self.queues and rate and (2 * rate.interval > self.interval or rate.interval > self.timeout):
            raise ValueError(
                f"rate {rate} leaves no second request in each poll for queues — raise rate, interval or timeout, "
                "or leave queues out"
            )
        return self
