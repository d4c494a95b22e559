"""From files to a `Config`, or to every problem in them at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from streamer.config.base import Origin
from streamer.config.document import Document, Location
from streamer.config.files import Files
from streamer.config.messages import FOLLOW_UP, UNKNOWN_KEY, describe
from streamer.config.model import Config
from streamer.config.problems import ConfigError, Problem
from streamer.config.reader import read
from streamer.config.tenants import Account, Defaults, TenantConfig
from streamer.config.vendors import SOURCES
from streamer.config.words import kind_of, not_one_of

M = TypeVar("M", bound=BaseModel)

StatusMapCheck = Callable[[TenantConfig], Mapping[str, str]]
"""Returns the keys of a tenant's `status_map` that its source can't read, each with what is wrong."""


def load(
    path: Path,
    *,
    resolve: bool = True,
    resolve_tenants: bool = True,
    files: Files | None = None,
    check_status_map: StatusMapCheck = lambda _: {},
) -> Config:
    """Reads the config file and, with `tenants_dir`, one file per tenant.

    With `resolve`, each secret and each file that the config refers to must be there, with `resolve_tenants` those of the
    tenants too; without, a config can be checked where its secrets are not at hand. `files` takes note of all that was read, also where it cannot be used. What only
    the sources know of a `status_map` is asked of `check_status_map`. Raises ConfigError with every problem in every file.
    """
    return _Loading(
        path,
        resolve=resolve,
        resolve_tenants=resolve and resolve_tenants,
        files=files or Files(),
        check_status_map=check_status_map,
    ).config()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One tenant as written, and where."""

    document: Document
    location: Location
    origin: Origin
    data: dict[str, object]

    def problem(self, key: str, message: str) -> Problem:
        return self.document.problem((*self.location, key), message)

    @property
    def place(self) -> str:
        found = self.document.problem(self.location, "")
        return f"{found.file}:{found.line}"


class _Loading:
    """One run of `load`; collects problems as it goes."""

    def __init__(
        self, path: Path, *, resolve: bool, resolve_tenants: bool, files: Files, check_status_map: StatusMapCheck
    ) -> None:
        self._problems: list[Problem] = []
        self._resolve_tenants = resolve_tenants
        self._check_status_map = check_status_map
        files.note(path)
        self._document = read(path)
        self._data = _mapping(self._document, "a mapping of settings")
        secrets_dir = self._data.get("secrets_dir")
        folder = path.parent
        self._origin = Origin(
            folder=folder,
            secrets_dir=folder / secrets_dir if isinstance(secrets_dir, str) and secrets_dir else None,
            resolve=resolve,
            files=files,
        )

    def config(self) -> Config:
        top = {key: value for key, value in self._data.items() if key != "tenants"}
        config = self._validate(Config, top, self._document, (), self._origin)
        defaults = _usable(self._data.get("defaults"), self._origin)
        entries = [*self._listed(), *self._in_folder()]
        self._check_ids(entries)
        tenants = [(entry, tenant) for entry in entries if (tenant := self._tenant(entry, defaults))]
        self._check_accounts(tenants)
        if config is None or self._problems:
            raise ConfigError(*self._problems)
        return config.model_copy(update={"tenants": tuple(tenant for _, tenant in tenants)})

    def _listed(self) -> Iterator[_Entry]:
        """The tenants of the config file itself."""
        if "tenants" not in self._data and "tenants_dir" not in self._data:
            self._report((), "names no tenants — add tenants, a list, or tenants_dir, a folder")
        tenants = self._data.get("tenants", [])
        if not isinstance(tenants, list):
            self._report(("tenants",), f"must be a list, not {kind_of(tenants)}")
            return
        for index, data in enumerate(tenants):
            location = ("tenants", index)
            if isinstance(data, dict):
                yield _Entry(document=self._document, location=location, origin=self._origin, data=data)
            else:
                self._report(location, f"must be a mapping, not {kind_of(data)}")

    def _in_folder(self) -> Iterator[_Entry]:
        """The tenants of `tenants_dir`, in the order of file names; hidden files, as Kubernetes makes them, are not read."""
        name = self._data.get("tenants_dir")
        if not isinstance(name, str) or not name.isprintable():
            return  # absent, or reported with the other settings
        folder = self._origin.folder / name
        self._origin.files.note(folder)
        try:
            files = sorted(file for file in folder.iterdir() if file.suffix in (".yaml", ".yml"))
        except OSError as error:
            self._report(("tenants_dir",), f"folder {folder} cannot be read: {error.strerror} — check the path")
            return
        for file in files:
            if file.name.startswith("."):
                continue
            self._origin.files.note(file)
            try:
                document = read(file)
                data = _mapping(document, "a mapping, the settings of one tenant")
            except ConfigError as error:
                self._problems.extend(error.problems)
            else:
                origin = replace(self._origin, folder=folder)
                yield _Entry(document=document, location=(), origin=origin, data=data)

    def _tenant(self, entry: _Entry, defaults: dict[str, object]) -> TenantConfig | None:
        source = entry.data.get("source")
        if source is None:
            self._problems.append(entry.problem("source", f'missing — add "source: {next(iter(SOURCES))}"'))
            return None
        if not isinstance(source, str) or source not in SOURCES:
            self._problems.append(entry.problem("source", not_one_of(source, SOURCES)))
            return None
        settings = {**defaults, **entry.data}
        origin = replace(entry.origin, resolve=self._resolve_tenants)
        tenant = self._validate(SOURCES[source], settings, entry.document, entry.location, origin)
        for key, fault in self._check_status_map(tenant).items() if tenant else ():
            location = (*entry.location, "status_map", key)
            self._problems.append(entry.document.problem(location, fault, at_key=True))
        return tenant

    def _check_ids(self, entries: Sequence[_Entry]) -> None:
        first: dict[str, _Entry] = {}
        for entry in entries:
            name = entry.data.get("id")
            if isinstance(name, str) and name and first.setdefault(name, entry) is not entry:
                message = f"another tenant has this id, at {first[name].place} — give each its own"
                self._problems.append(entry.problem("id", message))

    def _check_accounts(self, tenants: Sequence[tuple[_Entry, TenantConfig]]) -> None:
        """Tenants that share an account share what it allows: each must say how much of it is its own."""
        sharing: dict[Account, list[_Entry]] = {}
        for entry, tenant in tenants:
            sharing.setdefault(tenant.account, []).append(entry)
        for account, entries in sharing.items():
            for index, entry in enumerate(entries if len(entries) > 1 else ()):
                if "rate" not in entry.data:
                    other = entries[0 if index else 1].place
                    words = f"user {account.user!r} at {account.host} is shared with the tenant at {other}"
                    self._problems.append(entry.problem("rate", f"{words} — state the rate of each, rate: 1/s, say"))

    def _validate(
        self, model: type[M], data: dict[str, object], document: Document, location: Location, origin: Origin
    ) -> M | None:
        try:
            return model.model_validate(data, context=origin)
        except ValidationError as failure:
            for error in failure.errors(include_url=False):
                if error["type"] != FOLLOW_UP:
                    at_key = error["type"] == UNKNOWN_KEY
                    self._problems.append(
                        document.problem((*location, *error["loc"]), describe(error, model), at_key=at_key)
                    )
            return None

    def _report(self, location: Location, message: str) -> None:
        self._problems.append(self._document.problem(location, message))


def _mapping(document: Document, what: str) -> dict[str, object]:
    data = document.data()
    if not isinstance(data, dict):
        raise ConfigError(document.problem((), f"must be {what}, not {kind_of(data)}"))
    return data


def _usable(data: object, origin: Origin) -> dict[str, object]:
    """What of `defaults` can be used, so that a mistake there is reported once and not again for each tenant."""
    if not isinstance(data, dict):
        return {}
    try:
        return Defaults.model_validate(data, context=origin).stated()
    except ValidationError as failure:
        wrong = {error["loc"][0] for error in failure.errors()}
        return _usable({key: value for key, value in data.items() if key not in wrong}, origin)
