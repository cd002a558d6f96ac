import pytest

from queue_app.api.responses import EncodedResponse, FaithfulJSONResponse, ProblemResponse


def test_json_is_compact_utf8() -> None:
    response = FaithfulJSONResponse({"é": 10**30})
    assert response.body == '{"é":1000000000000000000000000000000}'.encode()
    assert response.headers["content-type"] == "application/json"


def test_what_is_encoded_is_sent_as_it_is() -> None:
    response = EncodedResponse(b"[1]", [(b"etag", b'"a"')])
    assert (response.status_code, response.body) == (200, b"[1]")
    assert dict(response.headers) == {
        "etag": '"a"',
        "content-length": "3",
        "content-type": "application/json",
    }


def test_problems_have_their_own_media_type() -> None:
    assert ProblemResponse({}).headers["content-type"] == "application/problem+json"


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        FaithfulJSONResponse(float("nan"))
