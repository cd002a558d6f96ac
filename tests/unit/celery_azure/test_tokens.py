from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from celery_azure.connection import ServiceBusEndpoint
from celery_azure.tokens import CredentialTokens, SharedAccessTokens, token_source
from servicebus_emulator.broker.access import AccessKey
from servicebus_emulator.nodes.sas import KeyRing

AUDIENCE = "sb://name.servicebus.windows.net/a queue/é"


def test_a_signature_is_accepted_where_the_key_is_known() -> None:
    tokens = SharedAccessTokens("name+1", "key/=", lifetime=60, clock=lambda: 1000.5)
    token, expires_at = tokens.get(AUDIENCE)
    assert expires_at == 1060.0
    claim = KeyRing([AccessKey("name+1", "key/=")]).claim_of_token(token, AUDIENCE, 1000.0)
    assert claim.expires_at == 1060.0


def test_the_key_itself_is_not_in_the_token() -> None:
    token, _ = SharedAccessTokens("name", "secret", clock=lambda: 0.0).get(AUDIENCE)
    assert "secret" not in token


def test_a_credential_is_made_when_it_is_needed_and_asked_each_time() -> None:
    made: list[Any] = []

    def make() -> Any:
        made.append(1)
        scope = "https://servicebus.azure.net//.default"
        return SimpleNamespace(
            get_token=lambda asked: SimpleNamespace(token=str(asked == scope), expires_on=5)
        )

    tokens = CredentialTokens(make)
    assert made == []
    assert [tokens.get("a"), tokens.get("b")] == [("True", 5.0)] * 2
    assert made == [1]


@pytest.mark.parametrize(("key", "is_quick"), [("key", True), (None, False)])
def test_without_a_key_a_credential_signs_in(key: str | None, is_quick: bool) -> None:
    endpoint = ServiceBusEndpoint("host", key_name=key and "name", key=key)
    assert token_source(endpoint).is_quick is is_quick
