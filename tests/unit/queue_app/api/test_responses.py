import pytest

from queue_app.api.responses import FaithfulJSONResponse, ProblemResponse


def test_json_is_compact_utf8() -> None:
    response = FaithfulJSONResponse({"é": 10**30})
    assert response.body == '{"é":1000000000000000000000000000000}'.encode()
    assert response.headers["content-type"] == "application/json"


def test_problems_have_their_own_media_type() -> None:
    assert ProblemResponse({}).headers["content-type"] == "application/problem+json"


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        FaithfulJSONResponse(float("nan"))
