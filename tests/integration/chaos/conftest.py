from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.chaos.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site
