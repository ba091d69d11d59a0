from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.monitoring.ward import Ward


@pytest.fixture
def ward(db: None) -> "Ward":
    from tests.monitoring.ward import build_ward

    return build_ward()
