"""The keys of tenants at Vonage Contact Center."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from streamer.config.oauth import OAuth, keeps_secret
from streamer.config.secrets import EnvSecret, FileSecret, OptionalSecret
from streamer.config.status_map import StatusMap, one_meaning_each
from streamer.config.tenants import Account, TenantConfig
from streamer.config.urls import BaseUrl


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
