import asyncio

from servicebus_emulator.server.delay_line import DelayLine


async def arrived(line: DelayLine) -> None:
    """Let the loop run until nothing is on its way."""
    loop = asyncio.get_running_loop()
    while not line.is_empty:
        later = asyncio.Event()
        loop.call_soon(later.set)
        await later.wait()


async def test_bytes_arrive_later_and_in_their_order() -> None:
    taken: list[bytes] = []
    line = DelayLine(taken.append)
    line.send(b"slow", 0.002)
    line.send(b"fast", 0.0)
    early = list(taken)
    await arrived(line)

    assert (early, taken) == ([], [b"slow", b"fast"])


async def test_bytes_that_are_sent_on_arrival_arrive_as_well() -> None:
    taken: list[bytes] = []

    def echo(data: bytes) -> None:
        taken.append(data)
        if len(taken) == 1:
            line.send(b"b", 0.0)

    line = DelayLine(echo)
    line.send(b"a", 0.0)
    await arrived(line)

    assert taken == [b"a", b"b"]


async def test_a_closed_line_loses_what_is_on_its_way() -> None:
    taken: list[bytes] = []
    line = DelayLine(taken.append)
    line.send(b"lost", 0.0)
    line.close()
    line.close()
    line.send(b"a", 0.0)
    await arrived(line)

    assert taken == [b"a"]
