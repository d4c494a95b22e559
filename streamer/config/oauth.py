"""How a client gets tokens of its own: OAuth 2.0, client credentials (RFC 6749, 4.4)."""

from pydantic import Field, ValidationInfo

from streamer.config.base import Model
from streamer.config.secrets import SecretField
from streamer.config.urls import BaseUrl, normal_base_url
from streamer.config.values import Text


class OAuth(Model):
    """A client, and where it is given tokens."""

    token_url: BaseUrl = Field(examples=["https://emea.newvoicemedia.com/Auth/connect/token"])
    """Where tokens are asked for."""
    client_id: Text = Field(examples=["acme"])
    """The client's id."""
    client_secret: SecretField = Field(examples=["{env: ACME_SECRET}"])
    """The client's secret. It is read anew for each token.

    A new one counts from the next token on.
    """


def keeps_secret(oauth: OAuth | None, info: ValidationInfo) -> OAuth | None:
    """Hold the token's address to what holds for a tenant's base_url; `allow_http` must stand before the field."""
    if oauth is not None:
        try:
            normal_base_url(oauth.token_url, allow_http=info.data.get("allow_http", True))
        except ValueError as error:
            raise ValueError(f"token_url {error}") from None
    return oauth
