"""A changed config is seen on a real file system, however it was changed; nothing here waits for a fixed time."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamer.config import Config, Files, load
from streamer.config.watching import Change, Loaded, Refused, Watcher
from tests.support.files import WAYS, Volume, Way

EVERY = 0.03
SOON = 20.0
"""Seconds within which what must happen does, on a machine however busy."""

QUIET = 0.4
"""Seconds of many looks after which what has not happened is not going to."""


class Place:
    """A folder with a config, and what a watcher says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "streamer.yaml"
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self.loads = 0
        self.watcher = Watcher(self.file, load=self._load, every=EVERY)

    def _load(self, path: Path, files: Files) -> Config:
        self.loads += 1
        return load(path, files=files)

    def write(self, *tenants: str, to: Path | None = None, **keys: Any) -> None:
        """Write a config with these tenants, over what is there."""
        (to or self.file).write_text(text(*tenants, **keys))

    async def loaded(self) -> Loaded:
        """Wait for a good change."""
        change = await asyncio.wait_for(self.changes.get(), SOON)
        assert isinstance(change, Loaded), change
        return change

    async def tenants(self) -> list[str]:
        """Wait for a good change and return its tenants."""
        return [tenant.id for tenant in (await self.loaded()).config.tenants]

    async def refused(self) -> str:
        """Wait for a bad change and return what is wrong."""
        change = await asyncio.wait_for(self.changes.get(), SOON)
        assert isinstance(change, Refused), change
        return str(change.error)

    async def nothing(self) -> None:
        """See that nothing more is told."""
        await asyncio.sleep(QUIET)
        assert self.changes.empty(), self.changes.get_nowait()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Config]:
        """Read the config and watch it."""
        config = self.watcher.first()

        async def watch() -> None:
            async for change in self.watcher.changes():
                self.changes.put_nowait(change)

        task = asyncio.create_task(watch())
        try:
            yield config
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def text(*tenants: str, **keys: Any) -> str:
    """Return a config with these tenants."""
    listed = [tenant_of(tenant) for tenant in tenants]
    return yaml.safe_dump({"store": "sqlite:///streamer.db", "tenants": listed, **keys})


def tenant_of(name: str, **keys: Any) -> Mapping[str, Any]:
    """Return a tenant as a file says it."""
    given = {"platform": "na12", "username": name, "password": {"env": "ACME_TOKEN"}}
    return {"id": name, "source": "8x8-agent-status", **given, **keys}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write("acme")
    return place


def after_each_look(place: Place, contents: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the next of some contents after each look at the files."""
    look, left = Files.now, iter(contents)

    def look_and_write(files: Files) -> Mapping[Path, Any]:
        seen = look(files)
        if content := next(left, None):
            place.file.write_text(content)
        return seen

    monkeypatch.setattr(Files, "now", look_and_write)


@pytest.mark.parametrize("change", WAYS)
async def test_a_change_is_seen_however_it_was_made(place: Place, change: Way) -> None:
    """Once, and again the next time; names of one length, so that the size tells nothing."""
    async with place.watched() as config:
        assert [tenant.id for tenant in config.tenants] == ["acme"]
        for name in ("beta", "gaia"):
            change(place.file, text(name))
            assert await place.tenants() == [name]
        await place.nothing()
    assert place.loads == 3


async def test_nothing_is_read_while_nothing_changes(place: Place) -> None:
    """Looking costs a `stat` for each file."""
    async with place.watched():
        await place.nothing()
    assert place.loads == 1


async def test_a_swapped_configmap_is_one_change(tmp_path: Path) -> None:
    """Kubernetes swaps the link `..data`; the files lead through it and are never touched themselves."""
    volume = Volume(tmp_path / "etc")
    volume.swap({"streamer.yaml": text("acme")})
    place = Place(volume.folder)
    async with place.watched():
        for name in ("beta", "gaia"):
            volume.swap({"streamer.yaml": text(name)})
            assert await place.tenants() == [name]
        await place.nothing()


async def test_a_folder_of_tenants_is_watched(place: Place) -> None:
    """Files that come, change, are renamed and go; hidden ones and others are none of ours."""
    folder = place.folder / "tenants"
    folder.mkdir()
    place.write(tenants_dir="tenants")
    async with place.watched() as config:
        assert config.tenants == ()
        folder.joinpath("a.yaml").write_text(yaml.safe_dump(tenant_of("acme")))
        assert await place.tenants() == ["acme"]
        folder.joinpath("a.yaml").write_text(yaml.safe_dump(tenant_of("beta")))
        assert await place.tenants() == ["beta"]
        folder.joinpath("a.yaml").rename(folder / "a.yaml.off")
        assert await place.tenants() == []
        folder.joinpath("a.yaml.off").rename(folder / "a.yml")
        assert await place.tenants() == ["beta"]
        await place.nothing()


async def test_a_folder_of_tenants_may_be_a_configmap(place: Place) -> None:
    """Two tenants change by one swap, and are told together."""
    volume = Volume(place.folder / "tenants")
    volume.swap({"a.yaml": yaml.safe_dump(tenant_of("acme"))})
    place.write(tenants_dir="tenants")
    async with place.watched():
        files = {f"{name}.yaml": yaml.safe_dump(tenant_of(name)) for name in ("beta", "gaia")}
        volume.swap(files)
        assert await place.tenants() == ["beta", "gaia"]
        await place.nothing()


async def test_a_rotated_secret_tells_whose_it_is(place: Place) -> None:
    """By the swap of a Kubernetes secret too; the config itself says the same as before."""
    volume = Volume(place.folder / "secrets")
    volume.swap({"acme": "old", "beta": "old"})
    tenants = [tenant_of(name, password={"file": name}) for name in ("acme", "beta")]
    place.write(secrets_dir="secrets", tenants=tenants)
    async with place.watched() as config:
        volume.folder.joinpath("..data", "acme").write_text("new")
        change = await place.loaded()
        assert (change.config, change.touched) == (config, frozenset({"acme"}))
        volume.swap({"acme": "newer", "beta": "newer"})
        assert (await place.loaded()).touched == {"acme", "beta"}
        place.write(secrets_dir="secrets", tenants=tenants, retention="8d")
        assert (await place.loaded()).touched == set()


async def test_a_secret_that_was_rotated_while_the_config_was_bad_is_told_with_the_next_good_one(place: Place) -> None:
    """What counts is what was in use, not what was read last."""
    secret = place.folder / "secret"
    secret.write_text("old")
    tenants = [tenant_of("acme", password={"file": "secret"})]
    place.write(tenants=tenants)
    async with place.watched():
        place.file.write_text("store: [")
        await place.refused()
        secret.write_text("new")
        place.write(tenants=tenants)
        assert (await place.loaded()).touched == {"acme"}


async def test_another_folder_of_secrets_changes_those_who_have_one_there(place: Place) -> None:
    """`secrets_dir` is a matter of the tenants; it needs no restart."""
    for folder in ("old", "new"):
        place.folder.joinpath(folder).mkdir()
        place.folder.joinpath(folder, "acme").write_text("x")
    tenants = [tenant_of("acme", password={"file": "acme"}), tenant_of("beta")]
    place.write(secrets_dir="old", tenants=tenants)
    async with place.watched() as config:
        place.write(secrets_dir="new", tenants=tenants)
        changed = (await place.loaded()).config
        assert [before == after for before, after in zip(config.tenants, changed.tenants, strict=True)] == [False, True]


async def test_a_nested_secret_is_its_tenants(place: Place) -> None:
    """Of an OAuth client, say."""
    secret = place.folder / "client"
    secret.write_text("old")
    oauth = {"token_url": "https://login.example/token", "client_id": "acme", "client_secret": {"file": "client"}}
    vonage = {"id": "acme", "source": "vonage-agent-status", "base_url": "https://api.example", "oauth": oauth}
    place.write(tenants=[vonage, tenant_of("beta")])
    async with place.watched():
        secret.write_text("new")
        assert (await place.loaded()).touched == {"acme"}


async def test_a_bad_config_is_refused_with_its_place_until_it_is_mended(place: Place) -> None:
    """Each time that it changed; nothing is told while it lies there."""
    async with place.watched():
        place.file.write_text(text("acme").replace("platform", "interwal"))
        assert "streamer.yaml:6:3: tenants[acme].interwal: unknown key — did you mean 'interval'?" in (
            await place.refused()
        )
        await place.nothing()
        place.file.write_text("store: [")
        assert "not valid YAML" in await place.refused()
        place.write("beta")
        assert await place.tenants() == ["beta"]


async def test_what_was_missing_is_waited_for(place: Place) -> None:
    """A config may come before the secret, the folder or the file that it names."""
    async with place.watched():
        place.write(tenants=[tenant_of("acme", password={"file": "secret"})])
        assert "cannot be read" in await place.refused()
        place.folder.joinpath("secret").write_text("x")
        assert await place.tenants() == ["acme"]
        place.write(tenants_dir="tenants")
        assert "cannot be read" in await place.refused()
        place.folder.joinpath("tenants").mkdir()
        assert await place.tenants() == []


async def test_a_file_that_vanishes_keeps_the_config_in_use(place: Place) -> None:
    """It is refused if nobody brings it back soon, and read when it is there again."""
    async with place.watched():
        place.file.unlink()
        assert "cannot be read" in await place.refused()
        place.write("beta")
        assert await place.tenants() == ["beta"]


async def test_a_folder_that_vanishes_and_comes_back_is_watched_on(place: Place) -> None:
    """Whole trees are replaced when volumes are mounted anew."""
    folder = place.folder / "tenants"
    folder.mkdir()
    folder.joinpath("a.yaml").write_text(yaml.safe_dump(tenant_of("acme")))
    place.write(tenants_dir="tenants")
    async with place.watched():
        shutil.rmtree(folder)
        assert "cannot be read" in await place.refused()
        folder.mkdir()
        folder.joinpath("a.yaml").write_text(yaml.safe_dump(tenant_of("beta")))
        while await place.tenants() != ["beta"]:
            pass
        folder.joinpath("a.yaml").write_text(yaml.safe_dump(tenant_of("gaia")))
        assert await place.tenants() == ["gaia"]


async def test_a_half_written_file_is_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs from one look to the next is left alone until it has settled."""
    after_each_look(place, ["store: [", "store: [x", text("beta")], monkeypatch)
    async with place.watched():
        assert await place.tenants() == ["beta"]
    assert place.loads == 2


async def test_a_file_that_never_settles_is_read_all_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody keeps a change away by making others."""
    after_each_look(place, (text(f"t{number}") for number in count()), monkeypatch)
    async with place.watched():
        for _ in range(3):
            await place.loaded()


async def test_who_asks_has_an_answer_at_once(place: Place) -> None:
    """Whether anything changed or not, and whatever it is."""
    place.watcher = Watcher(place.file, load=place._load, every=3600)
    async with place.watched():
        place.watcher.ask()
        assert await place.tenants() == ["acme"]
        place.file.write_text("store: [")
        place.watcher.ask()
        change = await asyncio.wait_for(place.changes.get(), SOON)
        assert isinstance(change, Refused)
        assert change.asked


async def test_a_fault_of_ours_is_a_refusal(place: Place) -> None:
    """It ends neither the service nor the watching, and shows no value."""

    def faulty(path: Path, files: Files) -> Config:
        if "beta" in path.read_text():
            raise KeyError("hunter2")
        return load(path, files=files)

    place.watcher = Watcher(place.file, load=faulty, every=EVERY)
    async with place.watched():
        place.watcher.ask()
        assert await place.tenants() == ["acme"]
        place.write("beta")
        place.watcher.ask()
        problem = await place.refused()
        assert "KeyError" in problem
        assert "hunter2" not in problem
