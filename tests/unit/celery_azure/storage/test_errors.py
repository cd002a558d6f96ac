from azure.core.exceptions import ResourceExistsError, ServiceRequestError, ServiceResponseError

from celery_azure.storage.errors import error_code, outage, refusal
from celery_azure.storage.messages import Answer


def test_the_code_of_the_service_is_kept() -> None:
    answer = Answer(409, {"x-ms-error-code": "BlobAlreadyExists"}, b"<Message>It is.</Message>")
    error = refusal(answer)
    assert isinstance(error, ResourceExistsError)
    assert (error.status_code, vars(error)["error_code"]) == (409, "BlobAlreadyExists")


def test_an_answer_without_code_and_text_still_has_an_error() -> None:
    assert error_code(Answer(500, {})) == ""
    assert str(refusal(Answer(500, {}))) == "Blob Storage refused the request. (500)"


def test_an_outage_tells_whether_the_request_may_have_arrived() -> None:
    cause = ConnectionResetError("reset by peer")
    assert type(outage(cause, was_sent=True)) is ServiceResponseError
    assert type(outage(cause, was_sent=False)) is ServiceRequestError


def test_an_outage_without_words_has_the_name_of_its_cause() -> None:
    text = str(outage(TimeoutError(), was_sent=True))
    assert text == "Blob Storage cannot be reached: TimeoutError"
