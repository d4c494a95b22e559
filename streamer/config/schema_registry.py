"""How a schema registry is reached."""

import ssl
from typing import Annotated

from pydantic import Field, ValidationInfo, model_validator

from streamer.config.base import ExistingFile, Model, origin_of
from streamer.config.secrets import OptionalSecret
from streamer.config.tls import check_key, client_context
from streamer.config.urls import BaseUrl
from streamer.config.values import Flag, optional, parse_user


class SchemaRegistryConfig(Model):
    """A registry that speaks Confluent's API: Confluent's own, Apicurio, Karapace, Redpanda."""

    allow_http: Flag = False
    """Whether `url` may be `http` though it leads to another machine.

    Where the network between is trusted.
    """
    url: BaseUrl = Field(examples=["https://registry.example:8081"])
    """All of the API's address before `/subjects`. Apicurio's ends in `/apis/ccompat/v7`."""
    username: Annotated[str | None, optional(parse_user)] = None
    """The user, or the API key, for Basic authentication."""
    password: OptionalSecret = None
    """Its password, or the API key's secret. It is read anew each time."""
    ssl_cafile: ExistingFile = None
    """The issuers that are trusted, PEM. Unset: those that this machine trusts."""
    ssl_certfile: ExistingFile = None
    """This client's certificate, PEM, where the registry asks for one; issuers in between may follow it."""
    ssl_keyfile: ExistingFile = None
    """Its key, PEM, where it is not in the same file."""
    ssl_password: OptionalSecret = None
    """The password of the key."""

    @model_validator(mode="after")
    def _is_complete(self, info: ValidationInfo) -> "SchemaRegistryConfig":
        if (self.username is None) != (self.password is None):
            raise ValueError(f"{'password' if self.username else 'username'} is missing — state both, or neither")
        files = (self.ssl_cafile, self.ssl_certfile, self.ssl_keyfile, self.ssl_password)
        if not self.url.startswith("https:") and any(each is not None for each in files):
            raise ValueError("ssl_* have no effect with a url that is not https — use https, or leave them out")
        check_key(self.ssl_certfile, self.ssl_keyfile, self.ssl_password)
        origin = origin_of(info)
        if origin and origin.resolve:
            self.tls()
        return self

    def tls(self) -> ssl.SSLContext | None:
        """What TLS shall be like, from the files as they are now; None without it.

        Raises ValueError, SecretError among them, when a file cannot be used.
        """
        if not self.url.startswith("https:"):
            return None
        return client_context(self.ssl_cafile, self.ssl_certfile, self.ssl_keyfile, self.ssl_password)
