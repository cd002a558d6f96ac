from urllib.parse import quote_plus, urlencode
from uuid import uuid4

import pytest

from servicebus_emulator.broker.access import EVERY_RIGHT, AccessKey, Right
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.nodes.sas import ROOT_KEY, Claim, InvalidTokenError, KeyRing, sign

NOW = 1_000_000.0
AUDIENCE = "sb://127.0.0.1:5672/orders"


def token(
    resource: str = AUDIENCE,
    expiry: str = "1000001",
    key: AccessKey = ROOT_KEY,
    **replaced: str,
) -> str:
    fields = {
        "sr": resource,
        "sig": sign(quote_plus(resource), expiry, key.key).decode(),
        "se": expiry,
        "skn": key.name,
    }
    return "SharedAccessSignature " + urlencode(fields | replaced)


def test_a_known_signature_is_reproduced() -> None:
    # Computed with `openssl dgst -sha256 -hmac SAS_KEY_VALUE -binary | base64`.
    resource = "sb%3A%2F%2Flocalhost%2Forders"

    assert (
        sign(resource, "1700000000", "SAS_KEY_VALUE")
        == b"OvnO5N1kEIwBmrclASqCxOgn6WOCEYukJlburvDlKlM="
    )


def test_a_good_token_gives_the_rights_of_its_key_on_its_resource_until_it_expires() -> None:
    claim = KeyRing().claim_of_token(token(), AUDIENCE, NOW)

    assert claim == Claim("orders", EVERY_RIGHT, 1_000_001.0)


def test_a_token_for_the_namespace_serves_for_each_entity() -> None:
    claim = KeyRing().claim_of_token(token("https://127.0.0.1:5672"), "/orders", NOW)

    assert claim.allows("orders/$DeadLetterQueue", Right.LISTEN, NOW)


def world_of_policies() -> tuple[Namespace, KeyRing]:
    namespace = Namespace(uuid4, now=NOW)
    policies = (
        AccessKey("other", "key", Right.LISTEN),
        AccessKey("sender", "first", Right.SEND, secondary_key="second"),
    )
    description = QueueDescription(authorization_rules=policies)
    namespace.create_queue("EU/Orders", description, now=NOW)
    namespace.create_queue("invoices", now=NOW)
    return namespace, KeyRing(namespace=namespace)


@pytest.mark.parametrize("key", ["first", "second"])
@pytest.mark.parametrize("path", ["eu/orders", "eu/orders/$DeadLetterQueue"])
def test_an_entitys_policy_serves_for_the_entity_and_what_lies_below(path: str, key: str) -> None:
    _, ring = world_of_policies()
    text = token(f"sb://h/{path}", key=AccessKey("sender", key))

    claim = ring.claim_of_token(text, f"sb://h/{path}", NOW)

    assert claim == Claim(path, Right.SEND, 1_000_001.0)


@pytest.mark.parametrize("path", ["", "eu", "invoices", "eu/orders2"])
def test_an_entitys_policy_opens_nothing_else(path: str) -> None:
    _, ring = world_of_policies()
    text = token(f"sb://h/{path}", key=AccessKey("sender", "first"))

    with pytest.raises(InvalidTokenError, match="InvalidSignature"):
        ring.claim_of_token(text, f"sb://h/{path}", NOW)


def test_a_policy_that_is_removed_opens_nothing_any_more() -> None:
    namespace, ring = world_of_policies()
    namespace.access_keys["second"] = AccessKey("second", "key")
    text = token(key=AccessKey("second", "key"))
    assert ring.claim_of_token(text, AUDIENCE, NOW).rights == EVERY_RIGHT
    del namespace.access_keys["second"]

    with pytest.raises(InvalidTokenError, match="InvalidSignature"):
        ring.claim_of_token(text, AUDIENCE, NOW)


def test_a_token_signed_with_another_key_is_refused() -> None:
    stranger = AccessKey(ROOT_KEY.name, "another")

    with pytest.raises(InvalidTokenError, match="signature"):
        KeyRing().claim_of_token(token(key=stranger), AUDIENCE, NOW)


def test_a_token_of_an_unknown_key_name_is_refused_in_the_same_words() -> None:
    with pytest.raises(InvalidTokenError, match="invalid signature"):
        KeyRing().claim_of_token(token(skn="nobody"), AUDIENCE, NOW)


def test_a_token_whose_expiry_was_changed_is_refused() -> None:
    with pytest.raises(InvalidTokenError, match="signature"):
        KeyRing().claim_of_token(token(se="2000000"), AUDIENCE, NOW)


def test_an_expired_token_is_refused() -> None:
    said = r"The token is expired\. Expiration time: '1970-01-12T13:46:40\.000Z'\."
    with pytest.raises(InvalidTokenError, match=said):
        KeyRing().claim_of_token(token(expiry="1000000"), AUDIENCE, NOW)


def test_a_token_may_leave_out_the_scheme_before_the_host_of_what_it_is_for() -> None:
    of_namespace = KeyRing().claim_of_token(token("127.0.0.1:5672"), AUDIENCE, NOW)
    of_queue = KeyRing().claim_of_token(token("127.0.0.1:5672/orders"), AUDIENCE, NOW)

    assert (of_namespace.path, of_queue.path) == ("", "orders")


@pytest.mark.parametrize("audience", ["sb://127.0.0.1:5672/invoices", "sb://h/orders2", "sb://h/"])
def test_a_token_for_one_entity_is_refused_for_another(audience: str) -> None:
    with pytest.raises(InvalidTokenError, match="resource"):
        KeyRing().claim_of_token(token(), audience, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer abc",
        "SharedAccessSignature ",
        "SharedAccessSignature sr=a&sig=b&se=1",
        token(se="soon"),
        token(se="²"),
        token(se="9" * 400),
        token(sig="\ud800".encode("utf-8", "surrogatepass").decode("latin-1")),
    ],
)
def test_what_is_not_a_token_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        KeyRing().claim_of_token(text, AUDIENCE, NOW)


def test_the_refusal_does_not_show_the_key() -> None:
    with pytest.raises(InvalidTokenError) as refusal:
        KeyRing([AccessKey("k", "very-secret")]).claim_of_token(token(), AUDIENCE, NOW)

    assert "very-secret" not in f"{refusal.value!r} {AccessKey('k', 'very-secret')!r}"


def test_name_and_key_are_accepted_as_user_and_password_for_the_whole_namespace() -> None:
    claim = KeyRing().claim_of_password(ROOT_KEY.name, ROOT_KEY.key)

    assert claim.allows("any/queue", Right.MANAGE, NOW)


@pytest.mark.parametrize(("name", "password"), [(ROOT_KEY.name, "wrong"), ("nobody", "é")])
def test_a_wrong_password_is_refused(name: str, password: str) -> None:
    with pytest.raises(InvalidTokenError):
        KeyRing().claim_of_password(name, password)


def test_a_claim_ends_when_it_expires() -> None:
    assert not Claim("orders", EVERY_RIGHT, NOW).allows("orders", Right.SEND, NOW)


def test_a_claim_allows_only_the_rights_of_its_key() -> None:
    assert not Claim("orders", Right.LISTEN).allows("orders", Right.SEND, NOW)


def test_a_key_ring_without_keys_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        KeyRing([])


def test_the_first_key_is_the_one_for_connection_strings() -> None:
    assert KeyRing([AccessKey("a", "1"), AccessKey("b", "2")]).first.name == "a"
