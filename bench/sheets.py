"""What a sheet costs to make, and whether it is there when somebody wants it."""

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from bench.measure import Samples, interleave
from bench.report import Figure
from bench.scratch import Scratch

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from bench.visitor import InProcess, OverHttp
    from ivigsite.encounters.models import Assessment
    from ivigsite.orders.models import OrderSet
    from ivigsite.orders.sheet.jobs import Job
    from ivigsite.orders.sheet.worker import RenderProcess

RENDER_ROUNDS = 9
# A page that has shown one patient must not show the next, so a service would open a fresh one each time.
CHROMIUM = {
    "fresh page": "a fresh page for each sheet",
    "same page": "one page kept for every sheet",
}
COPY_ROUNDS = 5
SHEETS_AT_ONCE = 4
SIGNINGS = 9
PRESS_PRINT_AFTER_S = 3
READY_WITHIN_S = 20
OWN_ADDRESS = re.compile(r"sheet:[A-Za-z0-9.\-]+")


def measure_render(scratch: Scratch) -> list[Figure]:
    from playwright.sync_api import sync_playwright
    from weasyprint import CSS

    from bench.browser import open_chromium
    from bench.visitor import InProcess
    from ivigsite.orders.sheet import archive
    from ivigsite.orders.sheet import render as sheet
    from ivigsite.orders.sheet.jobs import DONE, pack_job
    from ivigsite.orders.sheet.worker import COMMAND, TIMEOUT_S, RenderProcess

    person = InProcess(scratch.site.physician)
    signed = sign_through(person, scratch.new_assessment(scratch.site.encounter, user=scratch.site.physician))
    job = first_copy(signed)
    made: dict[str, bytes] = {}

    def tagged() -> None:
        made["tagged"] = sheet.render(job)

    def untagged() -> None:
        with patch.object(sheet, "PDF_VARIANT", None), patch.object(archive, "PDF_VARIANT", None):
            made["untagged"] = sheet.render(job)

    def auto_tables() -> None:
        with patch.object(sheet, "CSS", partial(styled_with_auto_tables, CSS)):
            made["auto tables"] = sheet.render(job)

    html = page_for_a_browser(job)
    packed = pack_job(job)
    with (
        closing_process(RenderProcess(COMMAND)) as process,
        sync_playwright() as playwright,
        open_chromium(playwright) as chromium,
    ):
        kept = chromium.new_page()

        def print_with(page: "Page", name: str) -> None:
            page.set_content(html, wait_until="load")
            made[name] = page.pdf(prefer_css_page_size=True, tagged=True)

        def fresh_page() -> None:
            page = chromium.new_page()
            print_with(page, "fresh page")
            page.close()

        def render_process() -> None:
            made["render process"] = process.exchange(packed, timeout_s=TIMEOUT_S).removeprefix(DONE)

        subjects = {
            "render process": render_process,
            "tagged": tagged,
            "untagged": untagged,
            "auto tables": auto_tables,
            "fresh page": fresh_page,
            "same page": lambda: print_with(kept, "same page"),
        }
        taken = interleave(subjects, rounds=RENDER_ROUNDS, warm_up=1)
    pages = {name: count_pages(data) for name, data in made.items()}
    return [*render_figures(taken, pages), *measure_copies(scratch, signed)]


@contextmanager
def closing_process(process: "RenderProcess") -> Iterator["RenderProcess"]:
    """A render process as the site keeps it."""
    try:
        yield process
    finally:
        process.kill()


def styled_with_auto_tables(css: Any, *, string: str, **options: Any) -> Any:
    """The style that the frame of a sheet adds last, and with it tables that measure all their cells."""
    return css(string=f"{string} * {{ table-layout: auto !important }}", **options)


def measure_copies(scratch: Scratch, signed: "OrderSet") -> list[Figure]:
    """New copies from a real server: each of four sheets by itself, then the four asked for at once."""
    from bench.visitor import OverHttp
    from ivigsite.orders.sheet.documents import ROLE_SHEETS

    sheets = ROLE_SHEETS[:SHEETS_AT_ONCE]
    people = [OverHttp.signed_in(scratch.server.port, scratch.site.physician) for _ in sheets]
    path = signed.get_absolute_url()
    with ThreadPoolExecutor(len(people)) as threads:

        def ask_all() -> float:
            start = time.perf_counter()
            list(threads.map(press_print, people, [path] * len(people), sheets))
            return time.perf_counter() - start

        # Those that were made at signing are handed out first.
        ask_all()
        alone = [
            press_print(person, path, document=document)
            for _ in range(COPY_ROUNDS)
            for person, document in zip(people, sheets, strict=True)
        ]
        at_once = [ask_all() for _ in range(COPY_ROUNDS)]
    for person in people:
        person.close()
    return copy_figures(Samples(tuple(alone)), Samples(tuple(at_once)))


def copy_figures(alone: Samples, at_once: Samples) -> list[Figure]:
    return [
        Figure(
            what="A new copy of a sheet, asked for alone",
            value=alone.p95_ms / 1000,
            unit="s",
            limit=3.0,
            note=f"95 % of {len(alone.seconds)}, real server, with download; median {alone.median_s:.2f} s",
        ),
        Figure(
            what="New copies of four sheets, asked for at once, until the last is there",
            value=at_once.worst_s,
            unit="s",
            limit=8.0,
            note=f"worst of {len(at_once.seconds)}, with download; median {at_once.median_s:.2f} s",
        ),
    ]


def count_pages(data: bytes) -> int:
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        return len(document)


def render_figures(taken: dict[str, Samples], pages: dict[str, int]) -> list[Figure]:
    ours = taken["tagged"].median_s
    figures = [
        Figure(
            what="Sheet as PDF/A-3a with tags ÷ the same document without",
            value=taken["tagged"].ratio_to(taken["untagged"]),
            unit="×",
            limit=1.2,
            note=(
                f"{ours:.2f} s ÷ {taken['untagged'].median_s:.2f} s, {pages['tagged']} pages,"
                f" medians of {RENDER_ROUNDS} rounds"
            ),
        )
    ]
    figures.append(
        Figure(
            what="Sheet with fixed tables ÷ the same document with tables that measure their cells",
            value=taken["tagged"].ratio_to(taken["auto tables"]),
            unit="×",
            limit=0.9,
            note=(
                f"{ours:.2f} s ÷ {taken['auto tables'].median_s:.2f} s, {pages['auto tables']} pages there,"
                f" medians of {RENDER_ROUNDS} rounds"
            ),
        )
    )
    made_by_process = taken["render process"].median_s
    for name, how in CHROMIUM.items():
        theirs = taken[name].median_s
        figures.append(
            Figure(
                what=f"Sheet ÷ warm Chromium printing the same HTML with tags, per page: {how}",
                value=(made_by_process / pages["render process"]) / (theirs / pages[name]),
                unit="×",
                limit=1.5,
                note=(
                    f"{made_by_process:.2f} s for {pages['render process']} pages from the render process"
                    f" ÷ {theirs:.2f} s for {pages[name]}, as a whole {made_by_process / theirs:.2f} ×;"
                    " Chromium leaves out running headers, watermark and PDF/A"
                ),
            )
        )
    return figures


def first_copy(signed: "OrderSet") -> "Job":
    from ivigsite.orders.sheet.documents import Document
    from ivigsite.orders.sheet.jobs import Job
    from ivigsite.orders.sheet.states import Paper, PrintEvent, Signed

    return Job(
        document=Document.ORDER_SET,
        content=signed.sheet_content,
        state=Signed(),
        paper=Paper.A4,
        event=PrintEvent(printed_at=signed.signed_at, printed_by=signed.signed_by.full_name, copy_number=1),
    )


@dataclass
class Overheard:
    """Everything that the renderer hands to WeasyPrint for one sheet."""

    html: str = ""
    styles: list[str] = field(default_factory=list)
    fetchers: list[Any] = field(default_factory=list)

    def body_of(self, address: str) -> tuple[str, bytes]:
        from weasyprint.urls import FatalURLFetchingError

        for fetcher in self.fetchers:
            try:
                response = fetcher.fetch(address)
            except FatalURLFetchingError:
                continue
            return response.headers["Content-Type"], response.read()
        raise LookupError(address)


def page_for_a_browser(job: "Job") -> str:
    """The sheet's own HTML, with its styles, fonts and drawings inside, so that Chromium fetches nothing."""
    from ivigsite.orders.sheet import render as sheet

    heard = overhear(sheet, lambda: sheet.render(job))

    def inline(found: re.Match[str]) -> str:
        content_type, body = heard.body_of(found.group())
        return f"data:{content_type};base64,{b64encode(body).decode()}"

    styles = "\n".join(heard.styles)
    page = heard.html.replace("</head>", f"<style>{styles}</style></head>", 1)
    return OWN_ADDRESS.sub(inline, page)


def overhear(sheet: Any, make: Any) -> Overheard:
    heard = Overheard()
    real_markup, real_css = sheet.Markup, sheet.CSS

    def markup(text: str, *, url_fetcher: Any) -> Any:
        heard.html = text
        heard.fetchers.append(url_fetcher)
        return real_markup(text, url_fetcher=url_fetcher)

    def css(*, string: str, url_fetcher: Any = None, **options: Any) -> Any:
        heard.styles.append(string)
        if url_fetcher is None:
            return real_css(string=string, **options)
        heard.fetchers.append(url_fetcher)
        return real_css(string=string, url_fetcher=url_fetcher, **options)

    with patch.object(sheet, "Markup", markup), patch.object(sheet, "CSS", css):
        # Read once and kept; to be heard it has to be read again.
        sheet.stylesheet.cache_clear()
        make()
    return heard


def measure_ready(scratch: Scratch) -> list[Figure]:
    """Sign on a real server, watch for the file in the database, press Print three seconds after signing."""
    from bench.visitor import OverHttp

    site = scratch.site
    person = OverHttp.signed_in(scratch.server.port, site.physician)
    from_click, from_answer, print_waits = [], [], []
    for number in range(SIGNINGS):
        encounter = scratch.new_encounter(number, user=site.physician, ward=site.ward)
        check = check_page(person, scratch.new_assessment(encounter, user=site.physician))
        clicked = time.perf_counter()
        location = check.sign(person)
        answered = time.perf_counter()
        wait_for_file(check.assessment)
        ready = time.perf_counter()
        from_click.append(ready - clicked)
        from_answer.append(ready - answered)
        time.sleep(max(0.0, answered + PRESS_PRINT_AFTER_S - time.perf_counter()))
        print_waits.append(press_print(person, location))
    person.close()
    click, answer, waits = (
        Samples(tuple(from_click)),
        Samples(tuple(from_answer)),
        Samples(tuple(print_waits)),
    )
    return [
        Figure(
            what="All sheets are ready after pressing Sign",
            value=click.median_s,
            unit="s",
            limit=3.0,
            note=(
                f"median of {SIGNINGS}, real server, password check included; worst {click.worst_s:.2f} s;"
                f" from the answer to Sign {answer.median_s:.2f} s"
            ),
        ),
        Figure(
            what=f"Wait for the file when Print is pressed {PRESS_PRINT_AFTER_S} s after signing",
            value=waits.median_s,
            unit="s",
            limit=0.1,
            note=f"median of {SIGNINGS}, redirect and download included; worst {waits.worst_s:.3f} s",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPage:
    """What the check page would send when Sign is pressed."""

    assessment: "Assessment"
    fields: dict[str, str | list[str]]

    def sign(self, person: "InProcess | OverHttp") -> str:
        from django.urls import reverse

        path = reverse("sign_orders", args=[self.assessment.pk])
        return person.post(path, self.fields).expect(302).location


def check_page(person: "InProcess | OverHttp", assessment: "Assessment") -> CheckPage:
    from django.urls import reverse

    from bench.visitor import form_with
    from tests.scenario import PASSWORD

    path = reverse("choose_orders", args=[assessment.pk])
    chosen = form_with(person.get(path).expect(200).body, "starts_at")
    checked = person.post(path, {**chosen, "check": ""}).expect(200)
    fields = {**form_with(checked.body, "digest"), "password": PASSWORD, "sign": ""}
    return CheckPage(assessment=assessment, fields=fields)


def sign_through(person: "InProcess | OverHttp", assessment: "Assessment") -> "OrderSet":
    from ivigsite.orders.models import OrderSet

    check_page(person, assessment).sign(person)
    return OrderSet.objects.get(assessment=assessment)


def wait_for_file(assessment: "Assessment") -> None:
    from ivigsite.orders.models import SheetFile
    from ivigsite.orders.sheet.documents import ROLE_SHEETS

    deadline = time.monotonic() + READY_WITHIN_S
    # All sheets of the order set, not only the first.
    while SheetFile.objects.filter(print__order_set__assessment=assessment).count() < len(ROLE_SHEETS):
        if time.monotonic() > deadline:
            raise TimeoutError(f"No file {READY_WITHIN_S} s after signing.")
        time.sleep(0.01)


def press_print(person: "InProcess | OverHttp", order_set_path: str, document: str = "order_set") -> float:
    start = time.perf_counter()
    asked = {"paper": "A4", "document": document}
    file_path = person.post(f"{order_set_path}print/", asked).expect(302).location
    pdf = person.get(file_path).expect(200).body
    took = time.perf_counter() - start
    if not pdf.startswith(b"%PDF-"):
        raise ValueError("What was printed is no PDF.")
    return took
