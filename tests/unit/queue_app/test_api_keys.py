import pytest

from queue_app.api_keys import SCOPES, ApiKeys, Caller, digest_of, new_key

KEY, OTHER = "qk_one", "qk_other"


def test_a_key_names_its_caller_and_what_it_may_do() -> None:
    keys = ApiKeys.parse(f"app:enqueue+read:{digest_of(KEY)}, ops:admin:{digest_of(OTHER)}")
    assert keys.caller(KEY) == Caller("app", frozenset({"enqueue", "read"}))
    assert keys.caller(OTHER) == Caller("ops", frozenset({"admin"}))


def test_two_keys_of_one_name_work_at_the_same_time() -> None:
    keys = ApiKeys.parse(f"app:read:{digest_of(KEY)} app:read:{digest_of(OTHER)}")
    assert keys.caller(KEY) == keys.caller(OTHER)


@pytest.mark.parametrize("key", ["", "qk_wrong", digest_of(KEY), "\ud800"])
def test_another_key_is_nobodys(key: str) -> None:
    assert ApiKeys.parse(f"app:read:{digest_of(KEY)}").caller(key) is None


def test_without_entries_there_are_no_keys() -> None:
    assert not ApiKeys.parse(" ")
    assert ApiKeys.parse(f"app:read:{digest_of(KEY)}")


@pytest.mark.parametrize(
    "entry",
    [
        "app",
        f"app:{digest_of(KEY)}",
        f"app:write:{digest_of(KEY)}",
        f"app::{digest_of(KEY)}",
        f"app:read:{digest_of(KEY)[:-1]}",
        f"app:read:{KEY}",
        f"a b:read:{digest_of(KEY)}",
    ],
)
def test_a_malformed_entry_is_named_without_its_secret(entry: str) -> None:
    with pytest.raises(ValueError, match="malformed entry") as caught:
        ApiKeys.parse(entry)
    assert digest_of(KEY)[:8] not in str(caught.value)
    assert KEY not in str(caught.value)


def test_new_keys_are_long_and_never_the_same() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert min(map(len, keys)) > 40


def test_there_are_three_scopes() -> None:
    assert SCOPES == ("enqueue", "read", "admin")
