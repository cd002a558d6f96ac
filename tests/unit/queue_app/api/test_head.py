import httpx
import pytest


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/status/a", "/openapi.json"])
async def test_head_is_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    get, head = await client.get(path), await client.head(path)
    assert head.status_code == get.status_code == 200
    assert head.headers == get.headers
    assert head.content == b""
