"""A version as a paper: every word of it, what state it is in on every page, and made beside the requests."""

import fcntl
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import page as page_validation
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.orders.sheet.content import to_plain as paper_to_plain
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.plain_paper import PlainPaper, PlainPaperJob
from ivigsite.orders.sheet.render_paper import render_paper
from ivigsite.orders.sheet.states import Paper
from ivigsite.revisions import exchange_views, paper_files
from ivigsite.revisions.reading_paper import paper_of_version
from protocols import actions
from protocols.document import document_of
from protocols.engine.placeholders import in_brackets
from protocols.engine.plain import to_plain
from protocols.engine.protocol import Protocol
from protocols.lifecycle import State
from protocols.mapping import SCALARS, _sealed, load_protocol_value
from protocols.models import ProtocolVersion, Text
from tests.protocols.factory import AT, approved, draft, person, small_protocol
from tests.protocols.test_mapping import drop_trigger
from tests.scenario import shipped
from tests.sheet.reading import pages_of

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]


def paper(protocol: Protocol, **changes: Any) -> PlainPaper:
    scalars = {name: getattr(protocol, name) for name in SCALARS}
    version = ProtocolVersion(number=3, created_at=AT, state=State.DRAFT, **(scalars | changes))
    return paper_of_version(document_of(version, protocol), at=AT)


def words_of(content: PlainPaper) -> str:
    return "\n".join(_strings(paper_to_plain(content)))


def _strings(plain: Any) -> Iterator[str]:
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, dict):
        for value in plain.values():
            yield from _strings(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from _strings(value)


def sentences_of(protocol: Protocol) -> set[str]:
    """Whatever an author wrote as words: leaves with a blank in them."""
    plain = to_plain(protocol)
    # The facts of a case are for the engine; its sentence is for people.
    for case in plain["cases"]:
        case["facts"] = {}
    return {leaf for leaf in _strings(plain) if " " in leaf.strip()}


def test_paper_says_every_sentence_of_the_shipped_protocol() -> None:
    protocol = shipped()
    said = words_of(paper(protocol))

    assert len(sentences_of(protocol)) > 1000
    assert {sentence for sentence in sentences_of(protocol) if in_brackets(sentence) not in said} == set()


def test_paper_names_every_row_with_its_sources() -> None:
    protocol = shipped()
    said = words_of(paper(protocol))
    sections = ("branches", "regimens", "products", "safety_rules", "gates", "monitoring_items", "texts")
    missing = {
        row.key
        for section in sections
        for row in getattr(protocol, section)
        if row.key not in said or any(key not in said for key in row.basis.cites)
    }

    assert missing == set()
    assert said.count("TO BE RATIFIED") >= len(
        [row for section in sections for row in getattr(protocol, section) if row.basis.uncertain]
    )


def test_paper_says_a_zero_and_the_border_of_every_band() -> None:
    said = words_of(paper(shipped()))

    assert "Lower border: 0 per microlitre. Upper border: 25,000 per microlitre." in said
    assert "1 g per kg dosing weight" in said


def test_grid_of_the_paper_has_a_cell_for_every_situation() -> None:
    protocol = shipped()
    (grids,) = (part.tables for part in paper(protocol).parts if part.heading == "Decisions")
    cells = [cell for grid in grids for row in grid.rows for cell in row[1:]]

    assert len(cells) == len(protocol.grade_bands) * 5 * 4
    assert all(cell[0] and cell[0] != "No rule." for cell in cells)


def test_paper_of_an_approved_version_tells_its_people_and_when_its_review_is_overdue() -> None:
    version = approved()
    document = document_of(version, load_protocol_value(version))
    fresh = words_of(paper_of_version(document, at=AT))
    late = words_of(paper_of_version(document, at=AT.replace(year=2040)))

    assert "NOT IN USE" not in fresh
    for username in ("author", "reviewer", "approver"):
        somebody: Any = person(username)
        assert somebody.get_full_name() in fresh
    assert version.seal in fresh
    assert "OVERDUE" not in fresh
    assert "Review due: 02-Jan-2031 OVERDUE" in late


def test_file_of_a_draft_is_valid_and_says_on_each_page_that_it_is_not_in_use(tmp_path: Path) -> None:
    content = paper(small_protocol(title="Draft <b>of</b> tests"))
    file = render_paper(PlainPaperJob(content=content, paper=Paper.A4))
    path = tmp_path / "version.pdf"
    path.write_bytes(file)
    pages = [" ".join(page) for page in pages_of(file)]

    for profile in ("3a", "ua1"):
        assert page_validation.validate_pdf(str(path), profile=profile).failures == []
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        assert "NOT IN USE: do not treat by it." in page
        assert "Draft <b>of</b> tests, version 3" in page
        assert "a draft is not sealed" in page
        assert f"Page {number} of {len(pages)}" in page


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> list[PlainPaperJob]:
    """The papers that were made; in the request, and by a pen that is quicker than the real one."""
    jobs: list[PlainPaperJob] = []

    def render(job: PlainPaperJob) -> bytes:
        jobs.append(job)
        if "unprintable" in job.content.title:
            raise SheetFailed("These characters cannot be printed: U+2603")
        return b"%PDF-1.7 of this test"

    settings.PAPERS_DIR = tmp_path / "papers"
    monkeypatch.setattr(paper_files, "render_alone", render)
    monkeypatch.setattr(exchange_views, "begin", paper_files._make)
    return jobs


def reader() -> Client:
    client = Client()
    nurse: Any = person("nurse")
    client.force_login(nurse)
    return client


def test_reader_waits_for_a_paper_once_and_the_next_reader_does_not(made: list[PlainPaperJob]) -> None:
    address = reverse("version_paper", args=[approved().pk])

    first, second, third = (reader().get(address) for _ in range(3))

    assert (first.status_code, second.status_code, third.status_code) == (202, 200, 200)
    assert first["Refresh"] == "4"
    assert second["Content-Type"] == "application/pdf"
    assert second.content == third.content == b"%PDF-1.7 of this test"
    assert len(made) == 1


def test_paper_that_cannot_be_made_is_told_of_and_can_be_tried_again(made: list[PlainPaperJob]) -> None:
    address = reverse("version_paper", args=[draft(title="unprintable").pk])

    answers = [reader().get(address) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 503, 202]
    assert b"These characters cannot be printed" in answers[1].content


def test_paper_follows_the_state_of_its_version(made: list[PlainPaperJob]) -> None:
    version = approved()
    address = reverse("version_paper", args=[version.pk])
    reader().get(address)
    actions.withdraw(version=version, reason="Wrong.", by=person("approver"), at=timezone.now())

    assert reader().get(address).status_code == 202
    assert "NOT IN USE" not in made[0].content.about
    assert "Withdrawn" in made[1].content.about
    assert "NOT IN USE" in made[1].content.about


def test_no_paper_is_made_of_a_version_whose_seal_is_broken(made: list[PlainPaperJob]) -> None:
    version = approved()
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")
    _sealed.clear()

    assert reader().get(reverse("version_paper", args=[version.pk])).status_code == 409
    assert made == []


def test_one_paper_is_made_at_a_time_and_the_newest_are_kept(made: list[PlainPaperJob]) -> None:
    jobs = [
        PlainPaperJob(content=paper(small_protocol(title=f"Number {number}")), paper=Paper.A4)
        for number in range(paper_files.KEPT + 2)
    ]
    paper_files._make(jobs[0])
    with (paper_files._root() / paper_files.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        paper_files.begin(jobs[1]).join()
    assert made == [jobs[0]]

    for job in (*jobs, jobs[-1]):
        paper_files._make(job)

    assert made == jobs
    assert len(list(paper_files._root().iterdir())) == paper_files.KEPT + 1
    assert paper_files.file_of(jobs[-1]) is not None


def test_same_version_makes_the_same_paper_all_day() -> None:
    assert paper(small_protocol()) == paper(small_protocol())
    assert paper(small_protocol()).made_at.date() == date(2030, 1, 2)
