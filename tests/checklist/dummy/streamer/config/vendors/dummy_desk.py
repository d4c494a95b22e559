"""The keys of tenants at Dummy Desk."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from streamer.config.secrets import SecretField
from streamer.config.tenants import Account, TenantConfig
from streamer.config.urls import BaseUrl
from streamer.config.values import BasicUser


class DummyDesk(TenantConfig):
    """Dummy Desk, a vendor that nobody has: Basic authentication."""

    source: Literal["dummy-desk"] = "dummy-desk"
    base_url: BaseUrl = Field(examples=["https://desk.example"])
    """All of the API's address before `/desk`.

    For a proxy of your own, or a simulator.
    """
    username: BasicUser = Field(examples=["acme"])
    """The tenant's name at the desk."""
    password: SecretField = Field(examples=["{env: ACME_TOKEN}"])
    """The tenant's token. It is read anew at each poll."""

    @property
    def account(self) -> Account:
        """The token's user at the desk."""
        return Account(urlsplit(self.base_url).netloc, self.username)
