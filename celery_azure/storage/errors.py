"""What a refusal of the service means, in the words of the Azure SDK's exceptions.

Source: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

if TYPE_CHECKING:
    from celery_azure.storage.messages import Answer

_MESSAGE = re.compile(rb"<Message>([^<\r\n]*)")
_BY_STATUS: dict[int, type[HttpResponseError]] = {
    401: ClientAuthenticationError,
    403: ClientAuthenticationError,
    404: ResourceNotFoundError,
    409: ResourceExistsError,
    412: ResourceModifiedError,
}
_CONFLICTS = frozenset(
    {"BlobAlreadyExists", "ContainerAlreadyExists", "ResourceAlreadyExists", ""}
)  # other conflicts, such as a lease, do not say that something exists


class ChangedMeanwhileError(Exception):
    """A conditional write found another blob than the one that was expected."""


def error_code(answer: Answer) -> str:
    """The service's name for what went wrong, such as `BlobNotFound`; empty when it gives none."""
    return answer.headers.get("x-ms-error-code", "")


def refusal(answer: Answer) -> HttpResponseError:
    """The exception for an answer that is no success.

    Its text has the service's code and first line only: what follows there may quote the request.
    """
    code = error_code(answer)
    found = _MESSAGE.search(answer.body)
    said = found.group(1).decode("utf-8", "replace").strip() if found else ""
    kind = _BY_STATUS.get(answer.status, HttpResponseError)
    if kind is ResourceExistsError and code not in _CONFLICTS:
        kind = HttpResponseError
    why = f"{answer.status} {code}".strip()
    error = kind(f"{said or 'Blob Storage refused the request.'} ({why})")
    error.status_code = answer.status
    error.error_code = code  # type: ignore[attr-defined] # as the SDK for storage does
    return error


def outage(error: OSError, *, was_sent: bool) -> AzureError:
    """The exception for a service that could not be reached, or did not answer."""
    kind = ServiceResponseError if was_sent else ServiceRequestError
    reason = str(error) or type(error).__name__
    return kind(f"Blob Storage cannot be reached: {reason}", error=error)
