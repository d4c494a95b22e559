"""Where secrets are read from, and that nothing else can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.config import AgentStatus8x8, ConfigError, EnvSecret, FileSecret, LiteralSecret, Secret, SecretError, load


def load_with(folder: Path, password: str, *, secrets_dir: Path) -> str:
    """Load a config whose one password is written so, and reveal it."""
    path = folder / "streamer.yaml"
    path.write_text(
        f"store: sqlite:///s.db\nsecrets_dir: {secrets_dir}\ntenants:\n  - {{id: a, source: 8x8-agent-status, "
        f"platform: na12, username: a, password: {password}}}\n"
    )
    [tenant] = load(path).tenants
    assert isinstance(tenant, AgentStatus8x8)
    return tenant.password.reveal()


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder laid out as Kubernetes mounts a secret."""
    mount = tmp_path / "mount"
    (mount / "..2026_11_21").mkdir(parents=True)
    (mount / "..2026_11_21" / "acme").write_text("first\n")
    (mount / "..data").symlink_to("..2026_11_21")
    (mount / "acme").symlink_to("..data/acme")
    return mount


def test_a_kubernetes_mount_is_read_through_its_links(mounted: Path, tmp_path: Path) -> None:
    assert load_with(tmp_path, "{file: acme}", secrets_dir=mounted) == "first"
    assert load_with(tmp_path, f"{{file: {mounted}/acme}}", secrets_dir=mounted) == "first"


def test_a_rotated_secret_is_seen_at_the_next_reading(mounted: Path) -> None:
    """Kubernetes rotates by swapping the `..data` link."""
    secret = FileSecret(mounted / "acme", within=mounted)
    assert secret.reveal() == "first"
    (mounted / "..2026_11_22").mkdir()
    (mounted / "..2026_11_22" / "acme").write_text("second\n")
    (mounted / "..new").symlink_to("..2026_11_22")
    (mounted / "..new").rename(mounted / "..data")
    assert secret.reveal() == "second"


def test_the_mount_itself_may_be_a_link(mounted: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(mounted)
    assert load_with(tmp_path, "{file: acme}", secrets_dir=tmp_path / "link") == "first"


def test_a_link_that_leads_out_of_secrets_dir_is_refused_when_the_config_is_read(mounted: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("not yours")
    (mounted / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"mount/out lies outside secrets_dir .*/mount — move it there$"):
        load_with(tmp_path, "{file: out}", secrets_dir=mounted)


def test_a_link_that_is_turned_outwards_later_is_refused_then(mounted: Path, tmp_path: Path) -> None:
    secret = FileSecret(mounted / "acme", within=mounted)
    assert secret.reveal() == "first"
    (tmp_path / "elsewhere").write_text("not yours")
    (mounted / "acme").unlink()
    (mounted / "acme").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretError, match="lies outside secrets_dir"):
        secret.reveal()


def test_a_folder_whose_name_begins_like_secrets_dir_is_outside(tmp_path: Path) -> None:
    for name in ("run", "run-other"):
        (tmp_path / name).mkdir()
    (tmp_path / "run-other" / "acme").write_text("not yours")
    with pytest.raises(ConfigError, match="lies outside secrets_dir"):
        load_with(tmp_path, "{file: ../run-other/acme}", secrets_dir=tmp_path / "run")


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(SecretError, match=r"a cannot be read: .* — check path and permissions"):
        FileSecret(tmp_path / "a").reveal()


def test_a_file_too_large_for_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(b"x" * 70_000)
    with pytest.raises(SecretError, match=r"core is larger than 64 KiB — is it the right file\?"):
        FileSecret(tmp_path / "core").reveal()


@pytest.mark.parametrize(
    ("content", "secret"), [("s", "s"), ("s\n", "s"), ("s\r\n", "s"), ("s\n\n", "s\n"), (" s \n", " s ")]
)
def test_only_the_line_break_at_the_end_is_no_part_of_a_secret(content: str, secret: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(content.encode())
    assert FileSecret(tmp_path / "secret").reveal() == secret


def test_an_environment_variable_is_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = EnvSecret("ACME_TOKEN")
    monkeypatch.setenv("ACME_TOKEN", "second")
    assert secret.reveal() == "second"
    monkeypatch.delenv("ACME_TOKEN")
    with pytest.raises(SecretError, match=r"^environment variable ACME_TOKEN is not set"):
        secret.reveal()


@pytest.mark.parametrize("secret", [EnvSecret("NAME"), FileSecret(Path("path")), LiteralSecret("value")])
def test_text_of_any_kind_shows_stars(secret: EnvSecret | FileSecret | LiteralSecret) -> None:
    assert (repr(secret), str(secret), f"{secret}", f"{[secret]}") == ("***", "***", "***", "[***]")


def test_secrets_are_equal_when_they_name_the_same_place() -> None:
    literal: Secret = LiteralSecret("A")
    assert EnvSecret("A") == EnvSecret("A")
    assert EnvSecret("A") != EnvSecret("B")
    assert FileSecret(Path("A")) != FileSecret(Path("A"), within=Path())
    assert literal != EnvSecret("A")
