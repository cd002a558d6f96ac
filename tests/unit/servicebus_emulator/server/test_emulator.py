import asyncio
import json
import logging
import ssl
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from cryptography import x509

from servicebus_emulator import ManualClock, ServiceBusEmulator
from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.server.data_file import Durability

MORE = AccessKey("more", "key", Right.LISTEN)


def config(**namespace: Any) -> str:
    named = {"Name": "ours", "Queues": [{"Name": "orders", "Properties": {"MaxDeliveryCount": 3}}]}
    return json.dumps({"UserConfig": {"Namespaces": [named | namespace]}})


def test_the_queues_that_were_named_exist() -> None:
    emulator = ServiceBusEmulator(queues=["one", "two"])

    assert [queue.path for queue in emulator.namespace.list_queues()] == ["one", "two"]


def test_a_configuration_decides_about_a_queue_that_is_named_as_well() -> None:
    emulator = ServiceBusEmulator(queues=["orders", "more"], config=config())
    orders, more = (emulator.namespace.get_queue(name) for name in ("orders", "more"))

    assert emulator.namespace.name == "ours"
    assert (orders.description.max_delivery_count, more.description.max_delivery_count) == (3, 10)


def test_a_configuration_brings_topics_subscriptions_and_rules() -> None:
    rule = {"Name": "eu", "Properties": {"SqlFilter": {"SqlExpression": "region = 'eu'"}}}
    subscriptions = [{"Name": "all"}, {"Name": "some", "Rules": [rule]}]
    emulator = ServiceBusEmulator(
        config=config(Topics=[{"Name": "news", "Subscriptions": subscriptions}])
    )
    topic = emulator.namespace.get_topic("news")

    rules = {each.name: [rule.name for rule in each.rules] for each in topic.subscriptions}
    assert rules == {"all": ["$Default"], "some": ["eu"]}


def test_a_topic_is_made_with_its_subscriptions() -> None:
    emulator = ServiceBusEmulator()
    emulator.create_topic("news", ["one", "two"], max_size_in_megabytes=5)
    topic = emulator.namespace.get_topic("news")

    assert [each.name for each in topic.subscriptions] == ["one", "two"]
    assert topic.description.max_size_in_megabytes == 5


@pytest.mark.parametrize("queues", [["///"], ["a" * 300]])
def test_a_name_that_cannot_be_is_a_value_error(queues: list[str]) -> None:
    with pytest.raises(ValueError, match="no valid entity name"):
        ServiceBusEmulator(queues=queues)


def test_a_name_in_place_of_a_list_of_names_is_refused() -> None:
    with pytest.raises(ValueError, match=r"queues is a list of names, such as \['orders'\]"):
        ServiceBusEmulator(queues="orders")


def test_the_folder_of_the_data_can_be_a_text(tmp_path: Path) -> None:
    emulator = ServiceBusEmulator(data_dir=str(tmp_path / "data"))
    asyncio.run(emulator.stop())

    assert (tmp_path / "data/servicebus-emulator.sqlite3").exists()


@pytest.mark.parametrize("durability", get_args(Durability))
def test_who_keeps_nothing_cannot_say_how_long(durability: Durability) -> None:
    with pytest.raises(ValueError, match="nothing to keep without data_dir"):
        ServiceBusEmulator(durability=durability)


def test_a_durability_that_there_is_not_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    unknown: Any = "disk"
    with pytest.raises(ValueError, match="no durability 'disk': known are process, machine"):
        ServiceBusEmulator(data_dir=tmp_path / "data", durability=unknown)
    assert not (tmp_path / "data").exists()


def test_a_queue_is_made_at_the_time_of_the_clock() -> None:
    emulator = ServiceBusEmulator(clock=ManualClock(start=5.0))
    emulator.create_queue("orders", lock_duration=7.0)
    queue = emulator.namespace.get_queue("orders")

    assert (queue.created_at, queue.description.lock_duration) == (5.0, 7.0)


def test_it_has_no_port_before_it_is_started() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        _ = ServiceBusEmulator().port


def test_the_certificate_that_is_written_is_the_one_that_clients_are_shown(tmp_path: Path) -> None:
    emulator = ServiceBusEmulator(host="localhost")
    emulator.write_certificate(tmp_path / "one.pem")
    context = emulator.tls_context()
    emulator.write_certificate(tmp_path / "two.pem")
    written = (tmp_path / "one.pem").read_bytes()

    assert isinstance(context, ssl.SSLContext)
    assert emulator.tls_context() is context
    assert written == (tmp_path / "two.pem").read_bytes()
    assert x509.load_pem_x509_certificate(written).version is x509.Version.v3


def test_without_cryptography_tls_clients_are_turned_away_and_that_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    emulator = ServiceBusEmulator()
    with caplog.at_level(logging.WARNING):
        contexts = [emulator.tls_context(), emulator.tls_context()]

    assert contexts == [None, None]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "emulator-tls" in caplog.text


def test_policies_that_were_made_are_there_after_a_restart_and_gone_after_a_reset(
    tmp_path: Path,
) -> None:
    made, changed = AccessKey("made", "key", Right.SEND), AccessKey("root", "another")
    first = ServiceBusEmulator(data_dir=tmp_path, keys=[AccessKey("root", "key")])
    for policy in (made, changed):
        first.namespace.put_policy(policy)
    asyncio.run(first.stop())
    again = ServiceBusEmulator(data_dir=tmp_path, keys=[AccessKey("root", "key"), MORE])
    try:
        assert list(again.namespace.access_keys.values()) == [changed, MORE, made]
        again.control.reset()
        assert list(again.namespace.access_keys.values()) == [AccessKey("root", "key"), MORE]
    finally:
        asyncio.run(again.stop())
