from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder_root(tmp_path: Path, settings: Any) -> Path:
    """A downtime folder of the test's own."""
    settings.DOWNTIME_DIR = tmp_path / "downtime"
    return Path(settings.DOWNTIME_DIR)
