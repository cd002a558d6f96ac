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
