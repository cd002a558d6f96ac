"""The model that argues with the broker's queue argues with an emulator in its own process."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, multiple, run_state_machine_as_test

from tests.integration.emulator.raw_client import RawClient
from tests.integration.emulator.test_process import running
from tests.property.profiles import through_a_process
from tests.property.remote_queue import RemoteNamespace, RemoteQueue
from tests.property.test_broker_queue import LOCK, QueueMachine

MOST_DELIVERIES = range(1, 5)


class ProcessMachine(QueueMachine):
    """The same walks, with sockets and codecs in between."""

    port: int

    @initialize(target=QueueMachine.tokens, max_delivery_count=st.sampled_from(MOST_DELIVERIES))
    def begin(self, max_delivery_count: int) -> object:
        """Begin with messages and locks: these walks are few, and have no step to lose."""
        super().begin(max_delivery_count)
        self.send(3)
        return multiple(self.receive(), self.receive())

    def open_queue(self, max_delivery_count: int) -> None:
        self.remote = RemoteNamespace(self.port)
        self.client = RawClient(self.port)
        self.namespace = self.remote
        self.queue = RemoteQueue(self.remote, self.client, f"q{max_delivery_count}")

    def possible(self, verb: str, token: UUID) -> str:
        """Only what came on a link can be released."""
        assert isinstance(self.queue, RemoteQueue)
        return "abandon" if verb == "release" and not self.queue.came_on_link(token) else verb

    def the_next_deadline_is_never_late(self) -> None:
        """Not looked at here: it costs as much as a step."""

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.socket.close()
            self.remote.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """That of an emulator with a queue for each number of deliveries."""
    config = tmp_path_factory.mktemp("emulator") / "Config.json"
    queues = [
        {
            "Name": f"q{most}",
            "Properties": {"LockDuration": f"PT{LOCK:g}S", "MaxDeliveryCount": most},
        }
        for most in MOST_DELIVERIES
    ]
    namespace = {"Name": "n", "Queues": queues}
    config.write_text(json.dumps({"UserConfig": {"Namespaces": [namespace]}}))
    with running("--config", str(config)) as emulator:
        yield emulator.port


def test_a_walk_begins_at_a_whole_second_so_that_the_wire_rounds_nothing(port: int) -> None:
    remote = RemoteNamespace(port)
    remote.expire(5.0)
    shown = remote.ask("GET", "/clock")["epoch"]
    remote.close()

    assert remote.milliseconds(5.0) == shown * 1000


def test_a_queue_of_a_process_does_what_the_model_says(port: int) -> None:
    machine = type("Machine", (ProcessMachine,), {"port": port})

    run_state_machine_as_test(machine, settings=through_a_process())
