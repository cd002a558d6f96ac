"""The thread that drives the transport outlives whatever goes wrong in it."""

from __future__ import annotations

import contextlib
import re
import select
import selectors
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from billiard.exceptions import SoftTimeLimitExceeded

from celery_azure.amqp import threaded
from celery_azure.amqp.messages import Message
from celery_azure.amqp.threaded import Fate, ThreadedDriver
from celery_azure.connection import ServiceBusEndpoint
from celery_azure.errors import UnreachableError
from celery_azure.namespace import Namespace
from celery_azure.tokens import token_source
from harness.waiting import wait_until
from servicebus_emulator import ThreadedEmulator
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.celery_azure.amqp.interruptions import Interruption, handler_that_raises

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from celery_azure.amqp.claims import TokenSource

PAYLOAD = Message(b"payload").to_bytes()
SECONDS = 60.0
with_epoll = pytest.mark.skipif(
    not hasattr(selectors, "EpollSelector"), reason="callers take the driver's place on Linux only"
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[ThreadedEmulator]:
    with ThreadedEmulator(queues=["jobs"]) as emulator:
        yield emulator


@pytest.fixture
def namespace(emulator: ThreadedEmulator) -> Iterator[Namespace]:
    address = f"127.0.0.1:{emulator.port}"
    endpoint = ServiceBusEndpoint.parse(address, key_name=ROOT_KEY.name, key=ROOT_KEY.key)
    namespace = Namespace(endpoint, None)
    yield namespace
    namespace.driver.close()
    assert not namespace.driver._thread.is_alive()


@pytest.fixture
def garbage() -> Iterator[tuple[str, int]]:
    """Where somebody listens who speaks another protocol."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:  # closed
                    return
                with client, contextlib.suppress(ConnectionError):  # who has hung up already
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        with contextlib.suppress(OSError):  # where closing it is what wakes who accepts
            server.shutdown(socket.SHUT_RDWR)
    thread.join()


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("step", ["receive", "take_output", "put_token", "begin"])
def test_an_error_of_our_own_is_logged_once_and_the_message_is_sent(
    namespace: Namespace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    original, failures = getattr(namespace.engine, step), [KeyError("a defect")]

    def fail_once(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return original(*arguments)

    monkeypatch.setattr(namespace.engine, step, fail_once)
    namespace.publish("jobs", PAYLOAD, SECONDS)
    assert not failures
    [told] = errors(caplog)
    assert told.endswith("it begins anew: KeyError: 'a defect'")


def test_a_call_that_fails_ends_no_thread(
    namespace: Namespace, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise KeyError("a defect")

    namespace.driver.call(fail)
    namespace.publish("jobs", PAYLOAD, SECONDS)
    assert len(errors(caplog)) == 1


def test_a_peer_that_speaks_another_protocol_is_told_and_left_for_a_better_one(
    namespace: Namespace, garbage: tuple[str, int]
) -> None:
    good, namespace.driver._address = namespace.driver._address, garbage

    def is_told() -> bool:
        with pytest.raises(UnreachableError, match="not sent") as caught:
            namespace.publish("jobs", PAYLOAD, 0.5)
        return re.search(r"\(a frame of \d+ bytes\)", str(caught.value)) is not None

    wait_until(is_told, "the reason")
    namespace.driver._address = good
    namespace.publish("jobs", PAYLOAD, SECONDS)


def test_a_name_that_can_be_no_host_s_is_told_and_ends_nothing(namespace: Namespace) -> None:
    good, namespace.driver._address = namespace.driver._address, ("x" * 70, 1)
    with pytest.raises(UnreachableError, match="not sent"):
        namespace.publish("jobs", PAYLOAD, 0.5)
    namespace.driver._address = good
    namespace.publish("jobs", PAYLOAD, SECONDS)


class OutOfTimeError(TimeoutError):
    """Plays what the handler of an alarm raises."""


def publish_until(namespace: Namespace, is_seen: Callable[[], bool]) -> None:
    """Publish until it has been done by the caller alone: the driver may be busy a few times."""

    def is_seen_then() -> bool:
        namespace.publish("jobs", PAYLOAD, SECONDS)
        return is_seen()

    wait_until(is_seen_then, "a caller that takes the place of the driver")


def throw(failure: BaseException) -> None:
    raise failure


def fail_here_once(
    namespace: Namespace,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    fail: Callable[[], object],
) -> list[Callable[[], object]]:
    """Let a step of the engine fail when it is taken in this thread; empty when it has."""
    original, here, failures = getattr(namespace.engine, step), threading.get_ident(), [fail]

    def fail_once(*arguments: object) -> object:
        if failures and threading.get_ident() == here:
            failures.pop()()
        return original(*arguments)

    monkeypatch.setattr(namespace.engine, step, fail_once)
    return failures


@with_epoll
def test_who_waits_for_an_answer_reads_it_where_the_driver_sleeps(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, readers = namespace.engine.receive, set[int]()

    def receive(data: bytes, now: float) -> None:
        readers.add(threading.get_ident())
        original(data, now)

    monkeypatch.setattr(namespace.engine, "receive", receive)
    publish_until(namespace, lambda: threading.get_ident() in readers)


@with_epoll
@pytest.mark.parametrize("step", ["receive", "take_output"])
def test_what_fails_in_a_caller_is_the_driver_s_to_mend(
    namespace: Namespace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    failures = fail_here_once(namespace, monkeypatch, step, partial(throw, KeyError("a defect")))
    publish_until(namespace, lambda: not failures)
    [told] = errors(caplog)
    assert told.endswith("it begins anew: KeyError: 'a defect'")


@with_epoll
@pytest.mark.parametrize("step", ["receive", "take_output"])
def test_a_caller_that_is_interrupted_leaves_a_driver_that_begins_anew(
    namespace: Namespace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    fail_here_once(namespace, monkeypatch, step, partial(throw, Interruption()))
    with pytest.raises(Interruption):
        publish_until(namespace, lambda: False)
    namespace.publish("jobs", PAYLOAD, SECONDS)
    wait_until(lambda: errors(caplog), "the error in the log")
    [told] = errors(caplog)
    assert told.endswith("RuntimeError: a signal handler has interrupted a call")


@with_epoll
@pytest.mark.parametrize("step", ["receive", "take_output"])
@pytest.mark.parametrize("failure", [OutOfTimeError, SoftTimeLimitExceeded])
def test_what_a_signal_handler_raises_is_for_the_caller_whatever_it_is(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch, step: str, failure: type[Exception]
) -> None:
    with handler_that_raises(failure()) as interrupt:
        fail_here_once(namespace, monkeypatch, step, interrupt)
        with pytest.raises(failure):
            publish_until(namespace, lambda: False)
    namespace.publish("jobs", PAYLOAD, SECONDS)


@with_epoll
def test_a_caller_that_is_interrupted_in_the_selector_leaves_a_driver_that_begins_anew(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, here = namespace.driver, threading.get_ident()
    original, interruptions = driver._wire.watch, [Interruption()]

    def watch() -> None:
        """Leave it with a descriptor that is none of its files any more, but waited for still."""
        if interruptions and driver._leader is not None and threading.get_ident() == here:
            del driver._selector._fd_to_key[driver._wire.fileno()]  # type: ignore[attr-defined]
            raise interruptions.pop()
        original()

    monkeypatch.setattr(driver._wire, "watch", watch)
    with pytest.raises(Interruption):
        publish_until(namespace, lambda: False)
    for _ in range(3):
        namespace.publish("jobs", PAYLOAD, SECONDS)


@with_epoll
def test_an_answer_that_takes_its_time_is_left_to_the_driver(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, ends = namespace.driver._end_lead, list[object]()

    def end_lead(fate: Fate | None) -> None:
        ends.append(fate)
        original(fate)

    monkeypatch.setattr(threaded, "_LEAD_SECONDS", 0.0)
    monkeypatch.setattr(namespace.driver, "_end_lead", end_lead)
    publish_until(namespace, lambda: bool(ends))


@with_epoll
def test_a_caller_that_never_ends_its_lead_is_relieved(namespace: Namespace) -> None:
    driver = namespace.driver
    namespace.publish("jobs", PAYLOAD, SECONDS)
    with driver._lock:
        driver._lead(Fate(), select.poll())
        assert driver._leader is not None
    namespace.publish("jobs", PAYLOAD, SECONDS)


class SlowTokens:
    """Plays a credential that has to ask somebody who takes his time."""

    is_quick = False

    def __init__(self, tokens: TokenSource) -> None:
        self.asked, self.answered = threading.Event(), threading.Event()
        self._tokens = tokens

    def get(self, audience: str) -> tuple[str, float]:
        self.asked.set()
        assert self.answered.wait(SECONDS)
        return self._tokens.get(audience)


def test_a_credential_that_takes_its_time_holds_up_nothing_else(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = SlowTokens(token_source(namespace._endpoint))
    monkeypatch.setattr(namespace.driver, "_tokens", tokens)
    namespace.open_sender("jobs")
    assert tokens.asked.wait(SECONDS)
    called = threading.Event()
    namespace.driver.call(called.set)
    assert called.wait(SECONDS)
    tokens.answered.set()
    namespace.publish("jobs", PAYLOAD, SECONDS)


class StillDriver(ThreadedDriver):
    """Its thread ends at once: the test takes the steps of the thread."""

    def _run(self) -> None:
        pass

    def fall_asleep(self) -> None:
        self._is_asleep = True

    def is_asleep(self) -> bool:
        return self._is_asleep


def test_calls_that_can_wait_share_a_moment_and_keep_their_order(namespace: Namespace) -> None:
    driver = StillDriver(namespace.engine, namespace.driver._tokens, ("", 0), None)
    made: list[str] = []
    driver.fall_asleep()
    driver.call_soon(made.append, "at once")
    assert not driver.is_asleep()
    driver._make_calls()
    driver.fall_asleep()
    driver.call_soon(made.append, "soon")
    driver.call_soon(made.append, "soon, too")
    assert driver.is_asleep()
    driver.call(made.append, "now")
    assert not driver.is_asleep()
    driver._make_calls()
    assert made == ["at once", "soon", "soon, too", "now"]
    driver._thread.join()
    driver._selector.close()
    driver.forget()


def test_a_call_that_can_wait_is_made_though_nobody_calls_again(namespace: Namespace) -> None:
    first, second = threading.Event(), threading.Event()
    namespace.driver.call_soon(first.set)
    assert first.wait(SECONDS)
    namespace.driver.call_soon(second.set)
    assert second.wait(SECONDS)


class Interrupted:
    """Plays what wakes the driver's thread, and a signal comes meanwhile."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt

    def send(self, data: bytes) -> None:
        del data
        self._interrupt()

    def close(self) -> None:
        """There is nothing to close."""


def test_a_time_out_of_the_caller_s_is_raised_where_it_wakes_the_driver(
    namespace: Namespace,
) -> None:
    driver = StillDriver(namespace.engine, namespace.driver._tokens, ("", 0), None)
    driver._wake_in.close()
    driver.fall_asleep()
    with handler_that_raises(TimeoutError()) as interrupt:
        driver._wake_in = Interrupted(interrupt)  # type: ignore[assignment]
        with pytest.raises(TimeoutError):
            driver.call(list)
    driver._thread.join()
    driver._selector.close()
    driver.forget()
