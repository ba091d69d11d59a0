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
    """Each made-up patient with what the engine said, evaluated once for all the tests that ask.

    They stand in one file, which one worker has to itself; another would evaluate them all again.
    """
    return judge_patients(protocol)
