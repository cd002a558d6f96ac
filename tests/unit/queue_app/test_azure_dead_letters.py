from queue_app.azure_dead_letters import _new_id

TASK_ID = "bf8c6322-5ad2-4060-a30e-55ad7671b84c"


def test_the_copy_of_a_letter_has_an_id_of_its_own() -> None:
    assert _new_id(f"{TASK_ID}:4", 7) == f"{TASK_ID}:4:requeued-7"


def test_a_letter_may_be_requeued_as_often_as_one_likes() -> None:
    message_id = TASK_ID
    for number in range(1, 30):
        message_id = _new_id(message_id, number)
        assert message_id == f"{TASK_ID}:requeued-{number}"


def test_an_id_that_leaves_no_room_is_replaced_by_the_same_one_for_the_same_letter() -> None:
    copied = _new_id("x" * 128, 12)
    assert len(copied) <= 128
    assert copied == _new_id("x" * 128, 12) != _new_id("y" * 128, 12)
    assert copied.endswith(":requeued-12")
