"""An API that is asked to stop while a job is on its way in."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from harness.live import start_api
from harness.waiting import wait_until
from tests.integration.jobs import Client, come_again

HEAD = (
    b"POST /enqueue/ HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
    b"Content-Length: 7\r\nExpect: 100-continue\r\n\r\n"
)


def test_what_is_under_way_is_finished_and_what_is_new_is_refused(
    product_settings: dict[str, str], tmp_path: Path
) -> None:
    settings = product_settings | {"SHUTDOWN_GRACE_SECONDS": "300"}
    api, url = start_api(settings, folder=tmp_path)
    address = urlsplit(url).hostname, urlsplit(url).port

    def is_gone() -> bool:
        try:
            httpx.get(f"{url}/healthz", trust_env=False)
        except httpx.TransportError:
            return True
        return False

    with api, Client(url) as client, socket.create_connection(address, timeout=60) as under_way:
        come_again(lambda: client.http.get("/readyz")).raise_for_status()
        under_way.sendall(HEAD)
        assert under_way.recv(100).startswith(b"HTTP/1.1 100")  # the job is being read
        api.terminate()

        wait_until(lambda: client.http.get("/readyz").status_code == 503, "not being ready")
        refused = client.post(b"{}")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/closing")
        assert client.http.get("/healthz").status_code == 200

        api.terminate()  # who asks twice does not want to wait
        wait_until(is_gone, "the end of the grace")
        under_way.sendall(b'{"n":1}')
        answer = b"".join(iter(lambda: under_way.recv(1000), b""))  # the server hangs up
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"task_id" in answer
        api.wait()
        assert "Traceback" not in api.output
