from queue_app import errors


def _tree(root: type[BaseException]) -> list[str]:
    names = [root.__name__]
    for child in root.__subclasses__():
        names += _tree(child)
    return names


def test_the_tree_is_the_one_that_the_module_draws() -> None:
    drawing = errors.__doc__ or ""
    drawn = [
        line.strip(" │├└─").split()[0]
        for line in drawing.splitlines()
        if line.strip() == "QueueAppError" or "─" in line
    ]
    assert drawn == _tree(errors.QueueAppError)


def test_too_large_says_the_limit() -> None:
    error = errors.PayloadTooLarge(262_144)
    assert error.limit == 262_144
    assert "262144 bytes" in str(error)


def test_unavailable_names_the_component_and_when_to_try_again() -> None:
    broker = errors.BrokerUnavailable("throttled", retry_after_seconds=10)
    storage = errors.StorageUnavailable("timed out")
    assert (broker.component, broker.reason, broker.retry_after_seconds) == (
        "broker",
        "throttled",
        10,
    )
    assert (storage.component, storage.retry_after_seconds) == ("storage", 5)
