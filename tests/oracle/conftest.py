"""What all comparisons with the oracle start from, made once."""

import pytest

from protocols.content_files import load_shipped
from protocols.engine.protocol import Protocol

from .test_against_engine import Plain, judge_patients


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load_shipped()


@pytest.fixture(scope="session")
def judged(protocol: Protocol) -> list[tuple[Plain, Plain]]:
    """Each made-up patient with what the engine said, evaluated once for all the tests that ask."""
    return judge_patients(protocol)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave all the tests that ask for the patients to one worker, so that no other evaluates them again."""
    for item in items:
        if "judged" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("judged"))
