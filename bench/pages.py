"""What pages cost, as a multiple of a bare Django view that is asked in turns with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.measure import Samples, interleave
from bench.report import Figure
from bench.scratch import Scratch

if TYPE_CHECKING:
    from bench.case import Posted
    from bench.visitor import InProcess, OverHttp
    from ivigsite.accounts.models import User

    Visitor = InProcess | OverHttp

BARE, EMPTY = "/bench/bare/", "/bench/empty/"
PREVIEW_ROUNDS = 200
PAGE_ROUNDS = 60
FEW, MANY = 20, 200
HELD_TO_TARGET = "server"
# A served request is what somebody waits for, and what the targets are for. Without a server the bare view
# costs next to nothing, so those ratios are larger; they show best what a change of the code has done.
PLACES = {"server": "real server, one client that keeps its connection", "process": "in process, test client"}


@contextmanager
def visitors(scratch: Scratch, user: "User") -> Iterator[dict[str, tuple["Visitor", "Visitor"]]]:
    """Somebody signed in and somebody at the bare site; over HTTP and in this process."""
    from bench.visitor import InProcess, OverHttp

    person, stranger = OverHttp.signed_in(scratch.server.port, user), OverHttp(scratch.bare_server.port)
    yield {"server": (person, stranger), "process": (InProcess(user), InProcess.without_middleware())}
    person.close()
    stranger.close()


def measure_preview(scratch: Scratch) -> list[Figure]:
    from django.urls import reverse
    from django.utils import timezone

    from bench.case import posted_case, while_typing

    site = scratch.site
    path = reverse("assess", args=[site.encounter.pk])
    case = posted_case(timezone.localtime())
    figures = []
    sizes: list[int] = []
    with visitors(scratch, site.physician) as pairs:
        for place, (person, stranger) in pairs.items():
            preview = type_and_ask(person, path, while_typing(case), sizes)
            taken = compare(person, stranger, {"preview": preview}, rounds=PREVIEW_ROUNDS)
            figures += preview_figures(taken, place)
    figures[0] = replace(figures[0], note=f"{figures[0].note}; {len(case)} fields, {kilobytes(sizes)}")
    return figures


def type_and_ask(
    person: "Visitor", path: str, forms: Iterator["Posted"], sizes: list[int]
) -> Callable[[], None]:
    def preview() -> None:
        sizes.append(len(person.post(path, next(forms), fragment=True).expect(200).body))

    return preview


def kilobytes(sizes: list[int]) -> str:
    return f"no two forms alike, answers of {min(sizes) // 1000}–{max(sizes) // 1000} kB"


def preview_figures(taken: dict[str, Samples], place: str) -> list[Figure]:
    return [
        *ratio_figures("Live preview", taken, "preview", 12, place=place),
        Figure(
            what=f"Live preview ÷ empty view of somebody signed in, {place_name(place)}",
            value=taken["preview"].ratio_to(taken["empty"]),
            unit="×",
            limit=2.5 if place == HELD_TO_TARGET else None,
            note=f"medians of {PREVIEW_ROUNDS} rounds; empty {taken['empty'].median_ms:.2f} ms",
        ),
        Figure(
            what=f"Live preview, p95 for one client, {place_name(place)}",
            value=taken["preview"].p95_ms,
            unit="ms",
            limit=25 if place == HELD_TO_TARGET else None,
            note=f"of {PREVIEW_ROUNDS}; worst {taken['preview'].worst_s * 1000:.0f} ms",
        ),
    ]


def measure_form(scratch: Scratch) -> list[Figure]:
    from django.urls import reverse

    site = scratch.site
    path = reverse("assess", args=[site.encounter.pk])
    known = scratch.new_encounter(1, user=site.physician, ward=site.ward)
    scratch.new_assessment(known, user=site.physician)
    again = reverse("assess", args=[known.pk])
    figures = []
    with visitors(scratch, site.physician) as pairs:
        for place, (person, stranger) in pairs.items():
            pages = page_calls(person, {"form": path, "again": again})
            taken = compare(person, stranger, pages, rounds=PAGE_ROUNDS)
            figures += ratio_figures("Form page", taken, "form", 35, place=place)
            figures += ratio_figures(
                "Form page of a reassessment, filled in", taken, "again", None, place=place
            )
    return figures


def measure_board(scratch: Scratch) -> list[Figure]:
    from django.urls import reverse

    path = reverse("board")
    few, many = scratch.full_ward(FEW), scratch.full_ward(MANY)
    queries = {user: count_queries(user, path) for user in (few, many)}
    figures = [
        Figure(
            what=f"Board of {MANY} encounters: queries more than with {FEW}",
            value=queries[many] - queries[few],
            unit="",
            limit=0,
            note=f"{queries[few]} queries with {FEW}, {queries[many]} with {MANY}",
        )
    ]
    with visitors(scratch, many) as pairs:
        for place, (person, stranger) in pairs.items():
            taken = compare(person, stranger, page_calls(person, {"board": path}), rounds=PAGE_ROUNDS)
            figures += ratio_figures(f"Board of {MANY} encounters", taken, "board", 20, place=place)
    return figures


def compare(
    person: "Visitor", stranger: "Visitor", pages: dict[str, Callable[[], object]], *, rounds: int
) -> dict[str, Samples]:
    return interleave(
        {
            "bare": lambda: stranger.get(BARE).expect(200),
            "empty": lambda: person.get(EMPTY).expect(200),
            **pages,
        },
        rounds=rounds,
    )


def page_calls(person: "Visitor", paths: dict[str, str]) -> dict[str, Callable[[], object]]:
    def ask(path: str) -> Callable[[], object]:
        return lambda: person.get(path).expect(200)

    return {name: ask(path) for name, path in paths.items()}


def ratio_figures(
    what: str, taken: dict[str, Samples], name: str, limit: float | None, *, place: str
) -> list[Figure]:
    return [
        Figure(
            what=f"{what} ÷ bare view, {place_name(place)}",
            value=taken[name].ratio_to(taken["bare"]),
            unit="×",
            limit=limit if place == HELD_TO_TARGET else None,
            note=times(taken, name),
        )
    ]


def times(taken: dict[str, Samples], name: str) -> str:
    return (
        f"{taken[name].median_ms:.1f} ms ÷ {taken['bare'].median_ms:.2f} ms, medians of"
        f" {len(taken[name].seconds)} rounds"
    )


def place_name(place: str) -> str:
    return PLACES[place]


def count_queries(user: "User", path: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from bench.visitor import InProcess

    person = InProcess(user)
    person.get(path).expect(200)
    with CaptureQueriesContext(connection) as queries:
        person.get(path).expect(200)
    return len(queries)
