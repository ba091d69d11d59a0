import pytest
from pytest_django import DjangoAssertNumQueries

from protocols import actions
from protocols.content_files import load_shipped
from protocols.models import ProtocolVersion, Text
from protocols.reading import (
    DEFAULT_SLUG,
    NoApprovedProtocol,
    NoSuchVersion,
    current_protocol,
    current_version,
    protocol_by_seal,
    protocol_of,
    status_line,
    version_with_content,
)
from tests.protocols.factory import AT, approved, draft, person, reviewed, small_protocol, submitted
from tests.protocols.test_actions import retired, withdrawn

pytestmark = pytest.mark.django_db


def test_the_approved_version_is_the_current_one() -> None:
    version = approved()
    draft()
    submitted()

    assert current_version("small") == version


def test_nothing_is_current_before_the_first_approval() -> None:
    reviewed()

    assert current_version("small") is None
    with pytest.raises(NoApprovedProtocol, match="No version of small is approved"):
        current_protocol("small")


def test_a_withdrawn_version_is_current_no_more() -> None:
    withdrawn()

    assert current_version("small") is None


def test_the_current_protocol_comes_with_its_version() -> None:
    version = approved()

    assert current_protocol("small") == (version, small_protocol())


def test_the_current_protocol_costs_one_query_once_it_is_kept(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    approved()
    current_protocol("small")

    with django_assert_num_queries(1):
        current_protocol("small")


def test_a_protocol_is_found_by_its_number() -> None:
    version = draft(title="Drafted")

    assert protocol_of(slug="small", number=version.number).title == "Drafted"
    with pytest.raises(NoSuchVersion, match="no version 9 of small"):
        protocol_of(slug="small", number=9)


def test_a_protocol_without_number_is_the_approved_one() -> None:
    approved()
    draft(title="Drafted")

    assert protocol_of(slug="small", number=None).title == "A small protocol"


def test_what_was_pinned_is_found_by_its_seal_after_it_was_retired() -> None:
    version = retired()

    assert protocol_by_seal(version.seal) == small_protocol()


@pytest.mark.parametrize("seal", ["", "0" * 64])
def test_an_unknown_seal_finds_nothing(seal: str) -> None:
    draft()

    with pytest.raises(NoSuchVersion):
        protocol_by_seal(seal)


def test_a_version_with_the_same_content_is_found_in_any_state() -> None:
    assert version_with_content(small_protocol()) is None

    version = draft()
    assert version_with_content(small_protocol()) == version

    actions.submit(version=version, by=person("author"), at=AT)
    assert version_with_content(small_protocol()) == version
    assert version_with_content(small_protocol(title="Another")) is None


def test_a_draft_that_says_nothing_yet_is_no_match() -> None:
    draft()
    Text.objects.update(topic="gossip")

    assert version_with_content(small_protocol()) is None


def test_the_status_line_says_who_approved_it_and_when_it_is_due() -> None:
    line = status_line(approved())

    assert line == (
        "A small protocol, version 1: approved, by Approver on 2 Jan 2030, review due 2 Jan 2031. "
        "Invented for tests."
    )


def test_the_status_line_of_a_draft_claims_no_approval() -> None:
    assert status_line(draft()) == "A small protocol, version 1: draft. Invented for tests."


def test_the_default_slug_is_the_one_of_the_shipped_content() -> None:
    assert load_shipped().slug == DEFAULT_SLUG


def test_the_shipped_content_is_stored_and_read_back_equal() -> None:
    shipped = load_shipped()

    version = actions.import_draft(protocol=shipped, change_note="Shipped.", by=None, at=AT)

    assert version_with_content(shipped) == version
    assert ProtocolVersion.objects.get().slug == DEFAULT_SLUG
