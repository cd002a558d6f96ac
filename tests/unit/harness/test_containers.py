import pytest

from harness.containers import AZURITE_IMAGE, BASE_IMAGE, OUR_IMAGE, Images
from harness.servicebus_container import EMULATOR_IMAGE, SQL_IMAGE
from harness.stack import StackUnavailableError


def test_images_are_pinned() -> None:
    images = Images.chosen({})

    assert images == Images(EMULATOR_IMAGE, AZURITE_IMAGE, SQL_IMAGE, None)
    assert not any(image.endswith("latest") for image in images.pulled)


def test_every_image_can_be_another() -> None:
    settings = {
        "SERVICEBUS_EMULATOR_IMAGE": "emulator:1",
        "MSSQL_IMAGE": "sql:1",
        "AZURITE_IMAGE": "azurite:1",
    }

    assert set(Images.chosen(settings).pulled) == {"emulator:1", "sql:1", "azurite:1"}


def test_our_emulator_needs_no_sql_server_and_is_not_pulled() -> None:
    images = Images.chosen({"SERVICEBUS_EMULATOR": "ours"})

    assert images == Images(OUR_IMAGE, AZURITE_IMAGE, None, BASE_IMAGE)
    assert images.pulled == (AZURITE_IMAGE,)


def test_the_base_of_our_image_can_be_another() -> None:
    settings = {"SERVICEBUS_EMULATOR": "ours", "BASE_IMAGE": "python:1"}

    assert Images.chosen(settings).base == "python:1"


def test_a_third_emulator_is_refused() -> None:
    with pytest.raises(StackUnavailableError, match="'official' or 'ours' is expected"):
        Images.chosen({"SERVICEBUS_EMULATOR": "yours"})


def test_the_header_names_what_runs() -> None:
    assert Images.chosen({}).describe() == f"{EMULATOR_IMAGE} with {SQL_IMAGE}, {AZURITE_IMAGE}"
    assert "our emulator" in Images.chosen({"SERVICEBUS_EMULATOR": "ours"}).describe()
