"""The keys of tenants at Google's CCAI Platform."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from streamer.config.secrets import SecretField
from streamer.config.status_map import StatusMap, one_meaning_each
from streamer.config.tenants import Account, TenantConfig
from streamer.config.urls import BaseUrl
from streamer.config.values import BasicUser, Flag, numbers


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
