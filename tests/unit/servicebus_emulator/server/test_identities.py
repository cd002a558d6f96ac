from uuid import RFC_4122

from servicebus_emulator.server.identities import new_id


def test_identities_are_different_and_of_version_4() -> None:
    made = {new_id() for _ in range(100)}

    assert len(made) == 100
    assert {(each.version, each.variant) for each in made} == {(4, RFC_4122)}
