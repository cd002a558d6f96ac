from benchmarks.brokers import Broker, Brokers, service_bus
from harness.endpoints import Endpoints

ENDPOINTS = Endpoints("127.0.0.1:5672", 5672, "Root", "secret", "")


def test_a_broker_survives_a_command_line() -> None:
    for broker in service_bus(ENDPOINTS):
        assert Broker.from_argument(broker.as_argument()) == broker


def test_ours_and_stock_use_the_same_emulator() -> None:
    ours, stock = service_bus(ENDPOINTS)
    assert (ours.name, ours.port) == ("ours", 5672)
    assert (stock.name, stock.port) == ("stock kombu", 5672)
    assert stock.settings["broker_transport"] == "benchmarks.stock_transport:Transport"


def test_contenders_come_in_the_order_they_are_asked_for() -> None:
    brokers = Brokers(service_bus(ENDPOINTS))
    found = brokers.named("stock kombu", "Celery+Redis", "ours")
    assert [broker.name for broker in found] == ["stock kombu", "ours"]
