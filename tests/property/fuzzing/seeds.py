"""Good inputs, from which the fuzzer begins."""

import json
from urllib.parse import quote_plus, urlencode

from servicebus_emulator.amqp.performatives import Target
from servicebus_emulator.nodes.sas import ROOT_KEY, KeyRing, sign
from tests.property.test_hostile_clients import conversation
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body
from tests.unit.servicebus_emulator.nodes.requests import Asker
from tests.unit.servicebus_emulator.server.test_websocket_frames import masked

KEYS = KeyRing()
_QUEUE = """<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">
<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect">
<LockDuration>PT30S</LockDuration><MaxDeliveryCount>3</MaxDeliveryCount>
</QueueDescription></content></entry>"""


def conversations() -> list[bytes]:
    """What good clients send."""
    world = World(orders={}, invoices={})
    world.namespace.create_topic("news", now=world.now).create_subscription("all", now=world.now)
    client = Client(world)
    client.send(client.sender("news"), body("to a topic"))
    client.receiver("news/Subscriptions/all", credit=3, settled=True)
    client.sender("nowhere", target=Target("nowhere"))
    client.deliveries()
    asker = Asker(client, "news/Subscriptions/all/$management")
    asker.ask({"skip": 0, "top": 5}, operation="com.microsoft:enumerate-rules")
    return [b"".join(conversation()), b"".join(world.received)]


def requests() -> list[bytes]:
    """What good HTTP clients send."""
    expiry = "99999999999"
    signature = sign(quote_plus("https://h/"), expiry, ROOT_KEY.key).decode()
    fields = {"sr": "https://h/", "sig": signature, "se": expiry, "skn": ROOT_KEY.name}
    token = f"Authorization: SharedAccessSignature {urlencode(fields)}"
    fault = json.dumps({"operation": "send", "action": "refuse", "times": 1})
    return [
        _request("GET", "/health"),
        _request("GET", "/$namespaceinfo?api-version=2021-05", token),
        _request("PUT", "/q1?api-version=2021-05", token, body=_QUEUE),
        _request("PUT", "/orders?api-version=2021-05", token, "If-Match: *", body=_QUEUE),
        _request("GET", "/$Resources/queues?$skip=0&$top=2", token),
        _request("DELETE", "/q1", token),
        _request("POST", "/emulator/faults", body=fault),
        _request("DELETE", "/emulator/faults"),
        _request("GET", "/emulator/messages/orders?from=1&count=2"),
        _request("POST", "/emulator/clock/advance?seconds=1.5"),
        b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ]


def frames() -> list[bytes]:
    """What good WebSocket clients send."""
    return [
        masked(2, b"abc") + masked(9, b"!") + masked(2, b"x" * 300),
        masked(2, b"ab", fin=False) + masked(0, b"cd") + masked(8, b"\x03\xe8"),
        masked(2, b"y" * 70_000),
    ]


def filters() -> list[bytes]:
    """What people write into rules."""
    return [
        b"sys.Subject = 's' AND a > 0 OR NOT (b LIKE 'x%' ESCAPE '\\')",
        b"a IN (1, 2.5, 'x') AND EXISTS(b) AND [c d] IS NOT NULL",
        b"a + 2 * -c / 3 % 2 >= 1 AND d = TRUE AND b <> N'x'''",
        b"SET sys.Subject = b + 'y'; SET e = newid(); REMOVE a",
    ]


def _request(method: str, target: str, *headers: str, body: str = "") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
