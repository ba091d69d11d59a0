"""Typing in a real browser while the panel beside the form follows."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.report import Figure
from bench.scratch import Scratch
from ivigsite.bootstrap import chromium_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

BETWEEN_KEYS_MS = 120
# After so many keys a pause just long enough for the panel to be asked for, so that its answer arrives
# while the next keys are being typed.
KEYS_AT_A_TIME = 8
PAUSE_MS = 360
# Two hundred keys; some of these make the answer change, some make it wrong for a moment.
TYPED = {
    "platelets": "18000",
    "usual_platelets": "150000",
    "sampled_at": "01-Jan-2026 08:15",
    "bleeding_level_agreed_by": "Dr Example",
    "bleeding_level_reason": "Oozing from three sites since the morning, seen together with the senior",
    "weight_kg": "82.35",
    "weight_estimate_reason": "Cannot stand; the bed scale is being repaired, so the family was asked",
    "weighed_on": "01-Jan-2026",
    "height_cm": "175",
    "creatinine_umol_per_l": "84",
}
# Some questions show only after these answers.
CHOSEN = {"bleeding_level": "active", "weight_method": "estimated"}
UNFOLD = (
    "element => { for (let at = element; at; at = at.parentElement) if (at.open === false) at.open = true }"
)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


@contextmanager
def open_chromium(playwright: "Playwright") -> Iterator["Browser"]:
    browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
    yield browser
    browser.close()


def measure_keys(scratch: Scratch) -> list[Figure]:
    from django.urls import reverse
    from playwright.sync_api import sync_playwright

    from bench.visitor import session_cookies

    site = scratch.site
    address = f"http://127.0.0.1:{scratch.server.port}"
    cookies = session_cookies(site.physician)
    with sync_playwright() as playwright, open_chromium(playwright) as browser:
        context = browser.new_context(locale="en-GB", timezone_id="Europe/London")
        context.add_cookies(
            [{"name": name, "value": value, "url": address} for name, value in cookies.items()]
        )
        page = context.new_page()
        encounter = scratch.new_encounter(7, user=site.physician, ward=site.ward)
        page.goto(address + reverse("assess", args=[encounter.pk]))
        for name, value in CHOSEN.items():
            page.locator(f'[name="{name}"][value="{value}"]').check()
        answers: list[float] = []
        page.on("requestfinished", lambda request: answers.append(milliseconds(request)))
        kept = sum(type_into(page, name, text) for name, text in TYPED.items())
        page.wait_for_timeout(1500)
    typed = sum(len(text) for text in TYPED.values())
    return [
        Figure(
            what=f"Keys lost in the browser at {BETWEEN_KEYS_MS} ms between keys",
            value=typed - kept,
            unit="",
            limit=0,
            note=f"{typed} keys into {len(TYPED)} fields, the panel refreshed {len(answers)} times meanwhile",
        ),
        Figure(
            what="Live preview as the browser waits for it",
            value=statistics.median(answers) if answers else None,
            unit="ms",
            note="median, from request to last byte",
        ),
    ]


def milliseconds(request: "object") -> float:
    timing: dict[str, float] = request.timing  # type: ignore[attr-defined]
    return timing["responseEnd"] - timing["requestStart"]


def type_into(page: "Page", name: str, text: str) -> int:
    """Type as a person does and say how many of the keys are in the field at the end."""
    box = page.locator(f'[name="{name}"]')
    # What is folded away is opened first, as a person would.
    box.evaluate(UNFOLD)
    box.click()
    for start in range(0, len(text), KEYS_AT_A_TIME):
        page.keyboard.type(text[start : start + KEYS_AT_A_TIME], delay=BETWEEN_KEYS_MS)
        page.wait_for_timeout(PAUSE_MS)
    return keys_kept(text, box.input_value())


def keys_kept(typed: str, found: str) -> int:
    """The keys of `typed` that stand in `found`, in their order."""
    rest = iter(found)
    return sum(1 for key in typed if key in rest)
