"""The model that argues with the broker's queue argues with an emulator in its own process."""

import json
from pathlib import Path
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, multiple, run_state_machine_as_test

from tests.integration.emulator.raw_client import RawClient
from tests.integration.emulator.test_process import running
from tests.property.profiles import walks
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


def test_a_queue_of_a_process_does_what_the_model_says(tmp_path: Path) -> None:
    config = tmp_path / "Config.json"
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

        class Machine(ProcessMachine):
            port = emulator.port

        run_state_machine_as_test(Machine, settings=walks(0.3))
