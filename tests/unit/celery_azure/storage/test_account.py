import pytest

from celery_azure.connection import BlobAccount
from celery_azure.storage.account import API_VERSION, StorageAccount, storage_account
from celery_azure.storage.messages import Request
from celery_azure.storage.signing import SharedAccessSignature, SharedKey

DATE = "Fri, 26 Jun 2015 23:39:12 GMT"


def place(connection_string: str) -> tuple[str, int, bool, str]:
    account = StorageAccount.of(BlobAccount(connection_string))
    return account.host, account.port, account.is_tls, account.root


def test_an_account_in_the_cloud_is_reached_over_tls() -> None:
    text = "AccountName=acc;AccountKey=a2V5;"
    assert place(text) == ("acc.blob.core.windows.net", 443, True, "")


def test_a_sovereign_cloud_has_its_own_suffix() -> None:
    text = "AccountName=acc;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn"
    assert place(text)[0] == "acc.blob.core.chinacloudapi.cn"


def test_an_emulator_has_the_account_in_its_path() -> None:
    text = "AccountName=acc;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:10000/acc/;"
    assert place(text) == ("127.0.0.1", 10000, False, "/acc")


def test_development_storage_is_azurite_at_its_usual_port() -> None:
    text = "UseDevelopmentStorage=true"
    assert place(text) == ("127.0.0.1", 10000, False, "/devstoreaccount1")


def test_the_account_of_an_endpoint_alone_is_the_first_label_of_its_host() -> None:
    text = "BlobEndpoint=https://acc.blob.core.windows.net;AccountKey=a2V5"
    credential = StorageAccount.of(BlobAccount(text)).credential
    assert credential == SharedKey("acc", b"key")


def test_a_shared_access_signature_ends_every_url() -> None:
    text = "BlobEndpoint=https://acc.blob.core.windows.net;SharedAccessSignature=?sv=1&sig=a%2Bb"
    account = StorageAccount.of(BlobAccount(text))
    assert account.credential == SharedAccessSignature("sv=1&sig=a%2Bb")
    plain = account.render(Request("GET", "/box/n"), DATE)
    queried = account.render(Request("GET", "/box", (("comp", "list"),)), DATE)
    assert plain.startswith(b"GET /box/n?sv=1&sig=a%2Bb HTTP/1.1\r\n")
    assert queried.startswith(b"GET /box?comp=list&sv=1&sig=a%2Bb HTTP/1.1\r\n")
    assert b"authorization" not in plain


def test_a_key_that_is_not_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="AccountKey"):
        StorageAccount.of(BlobAccount("AccountName=acc;AccountKey=secret!"))


def test_an_endpoint_that_is_no_url_is_refused() -> None:
    with pytest.raises(ValueError, match="endpoint"):
        StorageAccount.of(BlobAccount("BlobEndpoint=ftp://acc;SharedAccessSignature=sig"))


def test_a_request_is_written_with_host_date_version_and_length() -> None:
    account = StorageAccount.of(BlobAccount("AccountName=acc;AccountKey=a2V5"))
    data = account.render(Request("PUT", "/box/n", headers={"if-match": "x"}, body=b"abc"), DATE)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "PUT /box/n HTTP/1.1"
    assert lines[1] == "host: acc.blob.core.windows.net"
    assert {"if-match: x", f"x-ms-date: {DATE}", f"x-ms-version: {API_VERSION}"} <= set(lines)
    assert "content-length: 3" in lines
    assert lines[-1].startswith("authorization: SharedKey acc:")
    assert body == b"abc"


def test_a_request_without_a_body_has_no_length_unless_it_is_put() -> None:
    account = StorageAccount.of(BlobAccount("AccountName=acc;AccountKey=a2V5"))
    assert b"content-length" not in account.render(Request("GET", "/box/n"), DATE)
    assert b"content-length: 0" in account.render(Request("PUT", "/box"), DATE)


def test_an_address_of_version_6_is_bracketed() -> None:
    text = "AccountName=acc;AccountKey=a2V5;BlobEndpoint=http://[::1]:10000/acc"
    data = StorageAccount.of(BlobAccount(text)).render(Request("GET", "/box"), DATE)
    assert b"host: [::1]:10000\r\n" in data


def test_who_asks_for_the_same_account_shares_it() -> None:
    settings = "AccountName=acc;AccountKey=a2V5"
    assert storage_account(BlobAccount(settings)) is storage_account(BlobAccount(settings))
