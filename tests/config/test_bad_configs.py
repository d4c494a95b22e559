"""Each file in `testdata/bad` has one thing wrong with it; the file of the same name in `.txt` holds all that is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.config import ConfigError, load

BAD = Path(__file__).parent / "testdata" / "bad"
NAMES = sorted(path.stem for path in BAD.glob("*.yaml"))
SECRET = "hunter2"


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_file_is_refused_in_exactly_these_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names file, line, column and key, and says what to do; it never repeats a secret."""
    monkeypatch.chdir(BAD)
    with pytest.raises(ConfigError) as refused:
        load(Path(f"{name}.yaml"))
    assert str(refused.value) == (BAD / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")
    assert SECRET not in str(refused.value)


def test_every_bad_file_has_its_message_and_every_message_its_file() -> None:
    """No expectation is left behind when a file goes, and none is forgotten when one comes."""
    assert sorted(path.stem for path in BAD.glob("*.txt")) == NAMES
    assert len(NAMES) > 100


def test_some_of_the_bad_files_hold_the_secret_that_no_message_repeats() -> None:
    """The check that messages keep secrets to themselves has something to find."""
    holding = [name for name in NAMES if SECRET in (BAD / f"{name}.yaml").read_text(encoding="latin-1")]
    assert len(holding) >= 5


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "streamer.yaml")
    words = "cannot be read: No such file or directory — check the path and its permissions"
    assert str(refused.value) == f"{tmp_path / 'streamer.yaml'}: {words}"


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not a path — check it"):
        load(Path("a\0b"))


def test_a_file_without_end_is_refused_after_its_first_part() -> None:
    """Reading is bounded: this one never ends."""
    with pytest.raises(ConfigError) as refused:
        load(Path("/dev/zero"))
    assert str(refused.value) == "/dev/zero: larger than 16 MiB — split it with tenants_dir"


def test_problems_of_several_files_are_told_together_and_name_their_file(tmp_path: Path) -> None:
    """A tenant's file is named, its keys stand alone, and a tenant id is unique over all files."""
    main = tmp_path / "streamer.yaml"
    tenant = "source: 8x8-agent-status\nplatform: na12\npassword: {env: ACME_TOKEN}\n"
    (tmp_path / "tenants.d").mkdir()
    (tmp_path / "tenants.d" / "a.yaml").write_text(f"id: a\nusername: a\ninterval: 5\n{tenant}")
    (tmp_path / "tenants.d" / "b.yaml").write_text(f"id: a\nusername: b\n{tenant}")
    (tmp_path / "tenants.d" / "c.yaml").write_text("- id: c\n")
    (tmp_path / "tenants.d" / "d.yaml").write_text("id: [d\n")
    main.write_text("store: sqlite:///s.db\ntenants_dir: tenants.d\nserver: {port: -1}\n")
    with pytest.raises(ConfigError) as refused:
        load(main)
    folder = tmp_path / "tenants.d"
    hint = "that starts in line 1 — check indentation, brackets and quotes there"
    assert [str(problem) for problem in refused.value.problems] == [
        f"{main}:3:16: server.port: -1 is out of range — use 0 to 65535",
        f"{folder}/a.yaml:3:11: interval: '5' has no unit — add one (ms, s, m, h, d) as in 10s",
        f"{folder}/b.yaml:1:5: id: another tenant has this id, at {folder}/a.yaml:1 — give each its own",
        f"{folder}/c.yaml:1:1: must be a mapping, the settings of one tenant, not a list",
        f"{folder}/d.yaml:2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence {hint}",
    ]


def test_tenants_that_share_an_account_are_found_across_files(tmp_path: Path) -> None:
    """Host and user decide, however the host is written."""
    tenant = "source: 8x8-agent-status\nusername: acme\npassword: {env: ACME_TOKEN}\n"
    (tmp_path / "tenants.d").mkdir()
    (tmp_path / "tenants.d" / "a.yaml").write_text(f"id: a\nplatform: na12\nrate: 1/s\n{tenant}")
    (tmp_path / "tenants.d" / "b.yaml").write_text(f"id: b\nbase_url: https://NA12.8x8.com:443/\n{tenant}")
    (tmp_path / "streamer.yaml").write_text("store: sqlite:///s.db\ndefaults: {rate: 9/s}\ntenants_dir: tenants.d\n")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "streamer.yaml")
    folder = tmp_path / "tenants.d"
    assert str(refused.value) == (
        f"{folder}/b.yaml:1:1: rate: user 'acme' at na12.8x8.com is shared with the tenant at {folder}/a.yaml:1 — "
        "state the rate of each, rate: 1/s, say"
    )
