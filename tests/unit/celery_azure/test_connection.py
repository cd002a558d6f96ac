import pytest

from celery_azure.connection import ServiceBusEndpoint, parse_blob_account


@pytest.mark.parametrize(
    ("namespace", "told"),
    [
        (
            "Endpoint=sb://x.example/;SharedAccessKey=secret",
            "the namespace is none of my",
        ),
        ("localhost:amqp", "the port of the namespace is not a number"),
        ("localhost:5672", "an emulator's host:port, which needs a key name and a key"),
    ],
)
def test_a_namespace_that_cannot_be_is_told_in_a_sentence_without_secrets(
    namespace: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        ServiceBusEndpoint.parse(namespace)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("account", "told"),
    [
        ("", "neither a connection string"),
        ("secret", "neither a connection string"),
        ("https://", "the URL of the storage account is not like https://account"),
        ("https://x.example/?sig=secret", "the URL of the storage account is not like"),
        ("AccountName=x;AccountKey=secret!", "the AccountKey of the storage account is not base64"),
        ("AccountName=x;BlobEndpoint=secret", "has neither AccountName and AccountKey"),
    ],
)
def test_an_account_that_cannot_be_is_told_in_a_sentence_without_secrets(
    account: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        parse_blob_account(account)

    assert "secret" not in str(caught.value)


def test_a_key_is_percent_encoded_in_the_url_of_the_broker() -> None:
    endpoint = ServiceBusEndpoint.parse("my-namespace", key_name="all", key="a/b+c=")

    assert endpoint.broker_url == (
        "azureservicebus://all:a%2Fb%2Bc%3D@my-namespace.servicebus.windows.net"
    )


@pytest.mark.parametrize(
    ("value", "namespace"),
    [
        (
            (
                "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=all;"
                "SharedAccessKey=a/b+c=;EntityPath=orders"
            ),
            "shop",
        ),
        (
            (
                "Endpoint=sb://127.0.0.1:1234;SharedAccessKeyName=all;SharedAccessKey=a/b+c=;"
                "UseDevelopmentEmulator=true;"
            ),
            "127.0.0.1:1234",
        ),
        (
            (
                "UseDevelopmentEmulator=true;Endpoint=sb://localhost;SharedAccessKey=a/b+c=;"
                "SharedAccessKeyName=all"
            ),
            "localhost:5672",
        ),
    ],
)
def test_a_connection_string_says_where_the_namespace_is_and_who_we_are(
    value: str, namespace: str
) -> None:
    endpoint = ServiceBusEndpoint.from_connection_string(value)

    assert endpoint == ServiceBusEndpoint.parse(namespace, key_name="all", key="a/b+c=")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "shop",
        "Endpoint=sb://shop;SharedAccessKeyName=all",
        "Endpoint=sb://shop;SharedAccessKey=secret",
        "Endpoint=https://shop;SharedAccessKeyName=all;SharedAccessKey=secret",
    ],
)
def test_what_is_no_connection_string_is_told_in_a_sentence_without_secrets(value: str) -> None:
    with pytest.raises(ValueError, match=r"has not all of Endpoint=sb://") as caught:
        ServiceBusEndpoint.from_connection_string(value)

    assert "secret" not in str(caught.value)
