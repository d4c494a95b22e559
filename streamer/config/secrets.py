"""Secrets: the config says where they are, the value is read each time it is used, so that a rotated one is seen."""

import os
import re
import stat
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

from streamer.config.base import Origin, origin_of

MAX_BYTES: Final = 64 * 2**10

_HINT: Final = "write {env: NAME} or {file: PATH}"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretError(ValueError):
    """A secret cannot be read. Names its place, never its value."""


class Secret(ABC):
    """Where a secret is found. Two are equal when they name the same place; text of any kind shows `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"

    @abstractmethod
    def reveal(self) -> str:
        """The value at this moment, without the line break that ends it. Reads a small local file at most.

        Raises SecretError when it cannot be read, is empty or is no text.
        """


@dataclass(frozen=True, slots=True, repr=False)
class EnvSecret(Secret):
    """The value of an environment variable."""

    name: str

    def reveal(self) -> str:
        """The variable as it is in this process's environment now."""
        value = os.environ.get(self.name)
        if value is None:
            raise SecretError(f"environment variable {self.name} is not set — set it for this process")
        return _clean(value, f"environment variable {self.name}")


@dataclass(frozen=True, slots=True, repr=False)
class FileSecret(Secret):
    """The content of a file, which must lie in the folder `within` if one is given, symbolic links followed.

    A Kubernetes secret is such a folder: its files are links to `..data/`, itself a link that is swapped on rotation. So the
    links are followed anew at each reading, and where they end is what counts.
    """

    path: Path
    within: Path | None = None

    def reveal(self) -> str:
        """The file as it is now."""
        try:
            real = self.path.resolve(strict=True)
            if self.within is not None and not real.is_relative_to(self.within.resolve(strict=True)):
                raise SecretError(f"file {self.path} lies outside secrets_dir {self.within} — move it there")
            if not stat.S_ISREG(real.stat().st_mode):
                raise SecretError(f"{self.path} is not a regular file — name the file that holds the secret")
            with real.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
            reason = getattr(error, "strerror", None) or "its links lead in a circle"
            raise SecretError(f"file {self.path} cannot be read: {reason} — check path and permissions") from None
        if len(content) > MAX_BYTES:
            raise SecretError(f"file {self.path} is larger than {MAX_BYTES // 2**10} KiB — is it the right file?")
        try:
            return _clean(content.decode(), f"file {self.path}")
        except UnicodeDecodeError:
            raise SecretError(f"file {self.path} is not UTF-8 text — is it the right file?") from None


@dataclass(frozen=True, slots=True, repr=False)
class LiteralSecret(Secret):
    """A value given by code, for the demo and for tests; a config file cannot hold one."""

    value: str

    def reveal(self) -> str:
        """The value itself."""
        return self.value


def parse_secret(value: object, info: ValidationInfo) -> Secret | None:
    """`{env: NAME}` or `{file: PATH}`; raises ValueError that never holds what was written in its place."""
    if value is None or isinstance(value, Secret):
        return value
    if isinstance(value, str):
        raise ValueError(f"a secret must not stand in the config itself — {_HINT}")  # noqa: TRY004  pydantic's way
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"must say in one way where the secret is — {_HINT}")
    origin = origin_of(info)
    match value:
        case {"env": str(name)}:
            secret: Secret = _in_environment(name)
        case {"file": str(path)} if path:
            secret = _in_file(path, origin)
        case _:
            raise ValueError(f"does not say where the secret is — {_HINT}")
    if origin and isinstance(secret, FileSecret):
        origin.files.note(secret.path)
    if origin and origin.resolve:
        secret.reveal()
    return secret


def _in_environment(name: str) -> EnvSecret:
    if _ENV_NAME.fullmatch(name) is None:  # what was written may be the secret itself
        raise ValueError("env does not hold the name of an environment variable — write {env: NAME}")
    return EnvSecret(name)


def _in_file(path: str, origin: Origin | None) -> FileSecret:
    if not path.isprintable():
        raise ValueError("file does not hold a path — write {file: PATH}")
    if origin is None:
        return FileSecret(Path(path))
    if origin.secrets_dir is None:
        return FileSecret(origin.folder / path)
    return FileSecret(origin.secrets_dir / path, within=origin.secrets_dir)


_HIDDEN = PlainSerializer(repr, return_type=str)
SecretField = Annotated[Secret, BeforeValidator(parse_secret), _HIDDEN]
OptionalSecret = Annotated[Secret | None, BeforeValidator(parse_secret), _HIDDEN]


def _clean(value: str, place: str) -> str:
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretError(f"{place} is empty — put the secret there")
    try:
        value.encode()
    except UnicodeEncodeError:  # an environment may hold any bytes
        raise SecretError(f"{place} is not UTF-8 text — put the secret there as it is") from None
    return value
