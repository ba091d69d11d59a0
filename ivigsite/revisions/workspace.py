"""What stands beside every page of the workspace: the sections, and how many rows and problems each has."""

from dataclasses import dataclass
from uuid import UUID

from ivigsite.accounts.models import User
from ivigsite.accounts.permissions import Permission
from ivigsite.revisions.checking import Checked
from ivigsite.revisions.sections import SECTIONS, Section, row_ids, rows_of_section
from protocols.engine.protocol import Protocol
from protocols.engine.review import Problem
from protocols.models import ProtocolVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    section: Section
    rows: int
    problems: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedProblem:
    """A problem, with the row it stands in where there is one."""

    problem: Problem
    title: str
    row_id: UUID | None


def navigation(version: ProtocolVersion, protocol: Protocol, found: Checked) -> tuple[Place, ...]:
    """Every section in the order in which it is read."""
    return tuple(
        Place(
            section=section,
            rows=sum(1 for _ in rows_of_section(section, protocol)),
            problems=found.problems_in(section.name),
        )
        for section in SECTIONS.values()
    )


def may_edit(version: ProtocolVersion, user: User) -> bool:
    """Whether this is a draft, and this person an author; several may edit one, each on record."""
    return version.is_draft and user.may(Permission.AUTHOR_PROTOCOL)


def linked(
    version: ProtocolVersion, protocol: Protocol, problems: tuple[Problem, ...]
) -> tuple[LinkedProblem, ...]:
    """The problems with the way to the row that each names."""
    ids = row_ids(version, problems, protocol)
    return tuple(
        LinkedProblem(
            problem=problem,
            title=SECTIONS[problem.section].title if problem.section in SECTIONS else "About this version",
            row_id=ids.get((problem.section, problem.key)),
        )
        for problem in problems
    )
