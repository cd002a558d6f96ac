"""What the broker refuses, in its own words; neither AMQP nor HTTP is known here.

BrokerError
├── EntityNotFound · EntityAlreadyExists · EntityDisabled
├── MessageLockLost · MessageNotFound
├── SessionLockLost · SessionCannotBeLocked
├── MessageTooLarge · PropertiesTooLarge · QuotaExceeded · ServerBusy
├── ArgumentError · ArgumentOutOfRange
└── OperationNotAllowed · OperationNotSupported
"""


class BrokerError(Exception):
    """The broker refuses an operation; the text is meant for the client."""


class EntityNotFound(BrokerError):
    """There is no entity of that name."""

    def __init__(self, path: str) -> None:
        super().__init__(f"The messaging entity '{path}' could not be found.")
        self.path = path


class EntityAlreadyExists(BrokerError):
    """There is an entity of that name already."""

    def __init__(self, path: str) -> None:
        super().__init__(f"The messaging entity '{path}' already exists.")
        self.path = path


class EntityDisabled(BrokerError):
    """The entity's status forbids to send to it or to receive from it."""


class MessageLockLost(BrokerError):
    """The lock has expired, or the message was settled or removed already."""

    def __init__(self) -> None:
        super().__init__(
            "The lock supplied is invalid. Either the lock expired, or the message has already "
            "been removed from the queue."
        )


class MessageNotFound(BrokerError):
    """No message of that sequence number is in the state that the operation needs."""

    def __init__(self, sequence_number: int, state: str) -> None:
        super().__init__(f"There is no {state} message with sequence number {sequence_number}.")
        self.sequence_number = sequence_number


class SessionLockLost(BrokerError):
    """Nobody holds the session (any more), or somebody else does."""

    def __init__(self) -> None:
        super().__init__("The session lock has expired on the session. Accept the session again.")


class SessionCannotBeLocked(BrokerError):
    """Another receiver holds the session."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"The requested session '{session_id}' cannot be accepted. It may be locked by another "
            "receiver."
        )


class MessageTooLarge(BrokerError):
    """The message has more bytes than the entity takes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"The received message (size {size} bytes) exceeds the limit ({limit} bytes) "
            "currently allowed on the link."
        )


class PropertiesTooLarge(BrokerError):
    """One property of a message, or all of them, have more bytes than the namespace allows.

    Service Bus does not say so: its serializer fails.
    """

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(
            "The service was unable to process the request; please retry the operation. "
            f"(SerializationException: {what} of the message, {size} bytes, exceed the limit of "
            f"{limit} bytes.)"
        )


class QuotaExceeded(BrokerError):
    """The entity or the namespace is full."""


class ServerBusy(BrokerError):
    """The namespace is throttled; it is to be tried again later."""

    def __init__(self, what: str = "the entity is being throttled") -> None:
        super().__init__(
            f"The request was terminated because {what}. Error code: 50009. "
            "Please wait 2 seconds and try again."
        )


class ArgumentError(BrokerError):
    """An argument is malformed."""


class ArgumentOutOfRange(ArgumentError):
    """An argument is well-formed, but beyond what Service Bus allows."""


class OperationNotAllowed(BrokerError):
    """Entities of this kind, or in this state, do not do this."""


class OperationNotSupported(BrokerError):
    """Service Bus can do this; this emulator cannot yet."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature} is not supported by this emulator yet.")
