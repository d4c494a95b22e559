"""Good files, and that no text of any kind does worse than being refused."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamer.cli.opening import load_for_polling, load_for_running
from streamer.clock import parse_rfc3339
from streamer.config import (
    Account,
    AgentStatus8x8,
    Config,
    ConfigError,
    Defaults,
    EnvSecret,
    FileSecret,
    KafkaConfig,
    LiteralSecret,
    Rate,
    SchemaRegistryConfig,
    ServerConfig,
    StatusTarget,
    StoreConfig,
    load,
)

GOOD = Path(__file__).parent / "testdata" / "good"
DAY = 86_400_000


def tenant_of(config: Config, name: str) -> AgentStatus8x8:
    [tenant] = [tenant for tenant in config.tenants if tenant.id == name]
    assert isinstance(tenant, AgentStatus8x8)
    return tenant


def test_a_minimal_config_gets_every_default() -> None:
    config = load(GOOD / "minimal.yaml")
    assert config.store == StoreConfig("sqlite", GOOD / "streamer.db")
    assert config.kafka == KafkaConfig(group_id="streamer", partitions=32, replication_factor=1)
    assert config.server == ServerConfig(host="0.0.0.0", port=9464)  # noqa: S104  nothing is bound here
    assert config.retention == 7 * DAY
    assert (config.secrets_dir, config.tenants_dir) == (None, None)
    assert tenant_of(config, "acme").model_dump(exclude={"password"}) == {
        "id": "acme",
        "source": "8x8-agent-status",
        "platform": "na12",
        "base_url": "https://na12.8x8.com",
        "username": "acme",
        "vendor_tenant": "acme",
        "interval": 10_000,
        "timeout": 5_000,
        "absent_after": 3,
        "heartbeat": 60_000,
        "forget_after": 30 * DAY,
        "rate": None,
        "max_body": 16 * 1024 * 1024,
        "status_map": {},
        "agent_names": True,
        "allow_http": False,
        "paused": False,
        "resync": None,
        "accept_shrink_until": None,
        "forget": False,
        "forget_agents": (),
    }


def test_a_full_config_sets_every_key() -> None:
    """A key that is added to the models must be added to `full.yaml`, with a value other than its default."""
    config = load(GOOD / "full.yaml")
    own = tenant_of(config, "states-its-own")
    assert set(Config.model_fields) == config.model_fields_set
    assert set(KafkaConfig.model_fields) == config.kafka.model_fields_set
    assert config.kafka.schema_registry is not None
    assert set(SchemaRegistryConfig.model_fields) == config.kafka.schema_registry.model_fields_set
    assert set(AgentStatus8x8.model_fields) - {"platform"} == own.model_fields_set
    assert config.kafka == KafkaConfig(
        bootstrap_servers=("broker-1:9093", "[2001:db8::2]:9093"),
        topic_prefix="prod.",
        group_id="poller",
        partitions=64,
        static_shards=frozenset({0, 1, 2, 63}),
        replication_factor=3,
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="streamer",
        sasl_plain_password=EnvSecret("KAFKA_PASSWORD"),
        ssl_cafile=GOOD / "ca.pem",
        ssl_certfile=GOOD / "client.pem",
        ssl_keyfile=GOOD / "client.key",
        ssl_password=FileSecret(GOOD / "secrets/key-password", within=GOOD / "secrets"),
        ssl_check_hostname=False,
        schema_registry=SchemaRegistryConfig(
            allow_http=True,
            url="https://registry.example/apis/ccompat/v7",
            username="key",
            password=FileSecret(GOOD / "secrets/token", within=GOOD / "secrets"),
            ssl_cafile=GOOD / "ca.pem",
            ssl_certfile=GOOD / "client.pem",
            ssl_keyfile=GOOD / "client.key",
            ssl_password=FileSecret(GOOD / "secrets/key-password", within=GOOD / "secrets"),
        ),
    )
    assert config.store == StoreConfig("kafka")
    assert config.server == ServerConfig(host="127.0.0.1", port=9000)
    assert config.retention == 14 * DAY
    assert own == AgentStatus8x8(
        id="states-its-own",
        base_url="http://vendor.example:8080/cc",
        username="states-its-own",
        password=FileSecret(GOOD / "secrets/token", within=GOOD / "secrets"),
        vendor_tenant="acmecorp01",
        interval=60_000,
        timeout=250,
        absent_after=1,
        heartbeat=120_000,
        forget_after=DAY // 2,
        rate=Rate(requests=100, per=60_000),
        max_body=65_536,
        status_map={
            "5": StatusTarget("working_after_call", "paperwork"),
            "5/801/1726": StatusTarget("not_ready", "training"),
            "5/801": StatusTarget("not_ready"),
        },
        agent_names=True,
        allow_http=True,
        paused=False,
        resync="2026-11-21",
        accept_shrink_until=parse_rfc3339("2026-11-21T18:00:00Z"),
        forget=True,
        forget_agents=("ag1", "0042"),
    )


def test_a_tenant_takes_from_the_defaults_what_it_does_not_state() -> None:
    tenant = tenant_of(load(GOOD / "full.yaml"), "takes.the_defaults-1")
    assert tenant == AgentStatus8x8(
        id="takes.the_defaults-1",
        platform="eu3",
        username="0123",
        password=FileSecret(GOOD / "secrets/token", within=GOOD / "secrets"),
        interval=20_000,
        timeout=8_000,
        absent_after=5,
        heartbeat=30_000,
        forget_after=90 * DAY,
        rate=Rate(requests=2, per=1_000),
        max_body=4 * 1024 * 1024,
        status_map={"9": StatusTarget("busy", "vendor")},
        agent_names=False,
        allow_http=True,
        paused=True,
        resync="first",
    )


@pytest.mark.parametrize("name", ["minimal.yaml", "full.yaml"])
def test_what_the_good_files_say_is_understood_by_the_sources_too(name: str) -> None:
    """`streamer check-config` has nothing to say of them: the keys of a `status_map` are the source's to read."""
    assert load_for_polling(GOOD / name) == load(GOOD / name)


def test_tenants_of_the_folder_follow_those_of_the_file_in_the_order_of_names() -> None:
    """Hidden files and files of other kinds are not read."""
    config = load(GOOD / "full.yaml")
    expected = ["takes.the_defaults-1", "states-its-own", "from-a-file-1", "from-a-file-2"]
    assert [tenant.id for tenant in config.tenants] == expected
    assert config.tenants_dir == GOOD / "tenants.d"


def test_secrets_are_found_and_never_shown() -> None:
    config = load(GOOD / "full.yaml")
    tenant = tenant_of(config, "states-its-own")
    password, of_the_key = config.kafka.sasl_plain_password, config.kafka.ssl_password
    assert (tenant.password.reveal(), password and password.reveal()) == ("file-token", "hunter2")
    assert of_the_key
    assert of_the_key.reveal() == "key-password"
    shown = f"{config!r} {config} {tenant.model_dump()} {config.kafka.model_dump()}"
    assert "***" in shown
    assert not any(secret in shown for secret in ("hunter2", "file-token", "key-password"))


def test_a_config_can_be_checked_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    with pytest.raises(ConfigError, match="ACME_TOKEN is not set"):
        load(GOOD / "minimal.yaml")
    assert tenant_of(load(GOOD / "minimal.yaml", resolve=False), "acme").password == EnvSecret("ACME_TOKEN")


def test_a_service_starts_without_a_tenants_secret_but_not_without_its_own(tmp_path: Path) -> None:
    """What one tenant lacks is that tenant's trouble."""
    path = tmp_path / "streamer.yaml"
    tenant = {"id": "acme", "source": "8x8-agent-status", "platform": "na12", "username": "acme"}
    config: dict[str, object] = {"store": "sqlite:///x.db", "tenants": [{**tenant, "password": {"file": "not/there"}}]}
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"not/there cannot be read"):
        load(path)
    assert tenant_of(load_for_running(path), "acme").password == FileSecret(tmp_path / "not/there")
    path.write_text(yaml.safe_dump({**config, "kafka": {"sasl_plain_password": {"file": "neither"}}}))
    with pytest.raises(ConfigError, match=r"neither cannot be read") as caught:
        load_for_running(path)
    assert "not/there" not in str(caught.value)


def test_a_secret_whose_bytes_are_no_text_is_refused_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "\udc80t0ken")
    with pytest.raises(ConfigError, match="environment variable ACME_TOKEN is not UTF-8 text") as refused:
        load(GOOD / "minimal.yaml")
    assert "t0ken" not in str(refused.value)


def test_equal_files_make_equal_configs_whether_a_default_is_stated_or_not(tmp_path: Path) -> None:
    """Equality is what tells a live reload which tenants are to be restarted."""
    text = (GOOD / "minimal.yaml").read_text()
    (tmp_path / "streamer.yaml").write_text(text)
    first = load(tmp_path / "streamer.yaml")
    (tmp_path / "streamer.yaml").write_text(f"{text}    interval: 10s\n    timeout: 5000ms\n")
    assert load(tmp_path / "streamer.yaml") == first
    (tmp_path / "streamer.yaml").write_text(f"{text}    interval: 11s\n")
    assert load(tmp_path / "streamer.yaml") != first


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sqlite:///streamer.db", "{folder}/streamer.db"),
        ("sqlite:///data/streamer.db", "{folder}/data/streamer.db"),
        ("sqlite:////var/lib/streamer.db", "/var/lib/streamer.db"),
    ],
)
def test_a_sqlite_path_starts_in_the_folder_of_the_config_unless_it_is_absolute(
    written: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "streamer.yaml").write_text(f"store: {written}\ntenants: []\n")
    assert load(tmp_path / "streamer.yaml").store.path == Path(expected.format(folder=tmp_path))


@pytest.mark.parametrize("text", ["no", "0123", "1e3", "0x1F", "2026-11-21", "true", "Null-Corp"])
def test_text_is_what_is_written_whatever_yaml_would_make_of_it(text: str, tmp_path: Path) -> None:
    """No user name turns into a boolean, a number or a date, and nothing needs quotes for it."""
    path = tmp_path / "streamer.yaml"
    path.write_text((GOOD / "minimal.yaml").read_text().replace("username: acme", f"username: {text}"))
    assert tenant_of(load(path), "acme").username == text


def test_aliases_repeat_a_value(tmp_path: Path) -> None:
    """A table that several tenants share is written once."""
    path = tmp_path / "streamer.yaml"
    path.write_text(
        "store: sqlite:///s.db\ndefaults: {status_map: &codes {5: ready}}\ntenants:\n  - id: a\n    username: a\n"
        "    source: 8x8-agent-status\n    platform: na12\n    password: {env: ACME_TOKEN}\n    status_map: *codes\n"
    )
    assert dict(tenant_of(load(path), "a").status_map) == {"5": StatusTarget("ready")}


def test_a_bad_value_given_by_code_is_refused_in_the_same_words() -> None:
    """The models check what they are given, wherever it comes from."""
    with pytest.raises(ValidationError, match="50ms is out of range — use 100ms to 1d"):
        AgentStatus8x8(id="a", platform="na12", username="a", password=LiteralSecret("x"), interval=50)
    with pytest.raises(ValidationError, match="frozen"):
        load(GOOD / "minimal.yaml").retention = 5


def test_the_group_id_follows_the_topic_prefix_unless_stated() -> None:
    assert KafkaConfig(topic_prefix="prod.").group_id == "prod.streamer"
    assert KafkaConfig(topic_prefix="prod.", group_id="mine").group_id == "mine"


def test_servers_may_be_one_text_with_commas(tmp_path: Path) -> None:
    text = "store: kafka\nkafka: {bootstrap_servers: 'a:1, b:2'}\ntenants: []\n"
    (tmp_path / "streamer.yaml").write_text(text)
    assert load(tmp_path / "streamer.yaml").kafka.bootstrap_servers == ("a:1", "b:2")


def test_a_timeout_that_nobody_states_never_exceeds_the_interval() -> None:
    assert (
        AgentStatus8x8(id="a", platform="na12", username="a", password=LiteralSecret("x"), interval=2_000).timeout
        == 2_000
    )


@pytest.mark.parametrize(
    ("base_url", "normal"),
    [
        ("https://Vendor.Example:443/", "https://vendor.example"),
        ("https://vendor.example/cc//", "https://vendor.example/cc"),
        ("http://127.0.0.1:8088", "http://127.0.0.1:8088"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:80/x", "http://localhost/x"),
        ("http://[::1]:8088/", "http://[::1]:8088"),
    ],
)
def test_a_base_url_is_normalised_and_may_be_plain_http_to_this_machine(base_url: str, normal: str) -> None:
    tenant = AgentStatus8x8(id="a", base_url=base_url, username="u", password=LiteralSecret("x"))
    assert tenant.base_url == normal
    assert tenant.account == Account(normal.removeprefix("https://").removeprefix("http://").split("/")[0], "u")


KEYS = st.sampled_from([*Config.model_fields, *KafkaConfig.model_fields, *AgentStatus8x8.model_fields, "env", "file"])
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=10),
        st.sampled_from(
            ["kafka", "sqlite:///s.db", "10s", "5/s", "8x8-agent-status", "na12", "https://a/b", "a:1", "../.."]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=25,
)
NOISE = st.text(alphabet="[]{}:-,&*!|>'\"#%@`? \n\tab0\x00\ufeffé", max_size=60)


PLACES = st.sampled_from(
    [("tenants", 0, key) for key in AgentStatus8x8.model_fields]
    + [("kafka", key) for key in KafkaConfig.model_fields]
    + [("defaults", key) for key in Defaults.model_fields]
    + [(key,) for key in Config.model_fields]
)


def outcome_of(text: str) -> Config | ConfigError:
    """What becomes of a file that holds the text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "streamer.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return load(path)
        except ConfigError as error:
            return error


@given(place=PLACES, value=VALUES)
def test_no_value_in_any_place_does_worse_than_being_refused(place: tuple[str | int, ...], value: object) -> None:
    """One value of a good file is replaced; what is said of it stands on lines of that file."""
    content: Any = {"store": "kafka", "kafka": {"bootstrap_servers": "a:1"}, "defaults": {}, "tenants": [{}]}
    content["tenants"][0] = {"id": "a", "source": "8x8-agent-status", "platform": "na12", "username": "a"}
    content["tenants"][0]["password"] = {"env": "ACME_TOKEN"}
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    text = yaml.safe_dump(content, allow_unicode=True)
    outcome = outcome_of(text)
    if isinstance(outcome, ConfigError):
        assert all(0 < problem.line <= text.count("\n") and problem.message for problem in outcome.problems)


@given(text=st.one_of(NOISE, st.text(), VALUES.map(lambda value: yaml.safe_dump(value, allow_unicode=True))))
@example(text="tenants_dir: '\\0'")
@example(text="? ? ? a")
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    """Whatever a file holds, `load` returns a config or raises ConfigError with words for it."""
    outcome = outcome_of(text)
    assert isinstance(outcome, Config) or str(outcome)


def test_all_shards_are_as_many_as_there_are_partitions(tmp_path: Path) -> None:
    """`all` follows `partitions`, wherever it stands in the file."""
    file = tmp_path / "streamer.yaml"
    file.write_text(
        "store: kafka\nkafka: {static_shards: all, bootstrap_servers: [localhost:9092], partitions: 3}\ntenants: []\n"
    )
    assert load(file).kafka.static_shards == frozenset(range(3))
    assert KafkaConfig().static_shards is None
