"""Parts of a page that are drawn once: never with anything that is not in their key."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.html import format_html

from ivigsite.accounts.roles import RoleView
from ivigsite.encounters.advice import Advice
from ivigsite.encounters.drawings import NotShown, Part, draw
from ivigsite.encounters.preview import advise
from ivigsite.encounters.role_views import HAS_SOMETHING, PANELS_OF, SHOWS, panels_for
from ivigsite.encounters.templatetags.drawings import drawn_panels
from protocols.content_files import load_shipped
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.protocol import Protocol
from tests.scenario import COMPLETE

AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
TEMPLATES = Path(settings.BASE_DIR) / "templates"
INCLUDED = re.compile(r'{% (?:include|drawn) "([^"]+)"(?:(?!%}).)*?( only)? %}')
OF_ADVICE = re.compile(r"\badvice\.(\w+)")
# What any template may name without being handed it: words of the language, loops and what it sets itself.
EMPTY = "includes/empty.html"


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def advice_for(protocol: Protocol, **changes: object) -> Advice:
    plain = {**COMPLETE, "age_years": 45, "sex": "female", "sample_age_hours": "2", "weight_age_days": "1"}
    return advise(protocol, facts_from_plain({**plain, **changes}), at=AT)


def reached_by(template: str) -> set[str]:
    """The attributes of an advice that a template names, and those that what it includes with it names."""
    source = (TEMPLATES / template).read_text()
    found = set(OF_ADVICE.findall(source))
    for included, is_alone in INCLUDED.findall(source):
        if not is_alone and "{% drawn" not in source[source.index(included) - 12 : source.index(included)]:
            found |= reached_by(included)
    return found


def test_every_panel_says_what_it_shows():
    assert SHOWS.keys() == HAS_SOMETHING.keys()


@pytest.mark.parametrize("key", SHOWS)
def test_panel_is_handed_what_its_template_names_and_no_more(key: str):
    assert set(SHOWS[key]) == reached_by(f"encounters/_panel_{key}.html")


@pytest.mark.parametrize("key", SHOWS)
def test_panel_takes_nothing_from_the_page_around_it(key: str):
    source = (TEMPLATES / f"encounters/_panel_{key}.html").read_text()

    assert not re.search(r"\b(request|user|may|form|preview|version|protocol_status|encounter)\b\.?", source)


@pytest.mark.parametrize("view", RoleView)
def test_panels_drawn_before_say_the_same_as_panels_drawn_now(
    protocol: Protocol, view: RoleView, monkeypatch: pytest.MonkeyPatch
):
    cases = [
        advice_for(protocol),
        advice_for(protocol, weight_kg="61.5"),
        advice_for(protocol, platelets_per_ul=9000, bleeding_level="life_threatening"),
        advice_for(protocol, ttp_suspected=True),
        advice_for(protocol, iga_g_per_l=None, height_cm=None),
    ]

    def pages() -> list[str]:
        return [drawn_panels(panels_for(view, advice), advice, None) for advice in cases]

    kept = (pages(), pages())[1]
    monkeypatch.setattr("ivigsite.encounters.drawings.MOST_CHARACTERS", 0)

    assert kept == pages()


def test_two_patients_never_share_a_dose(protocol: Protocol):
    (orders,) = (panel for panel in PANELS_OF[RoleView.PHYSICIAN] if panel.key == "orders")
    light, heavy = (advice_for(protocol, weight_kg=kg) for kg in ("52", "81"))

    pages = [drawn_panels([orders], advice, None) for advice in (light, heavy, light)]

    assert "50 g" in pages[0]
    assert "80 g" in pages[1]
    assert pages[2] == pages[0] != pages[1]


def test_part_that_was_not_handed_over_cannot_be_reached(protocol: Protocol):
    part = Part(advice_for(protocol), ("headline",))

    with pytest.raises(NotShown, match="groups"):
        part["groups"]


def test_marked_text_and_the_same_text_unmarked_are_drawn_apart():
    markup = "<b>x</b>"

    marked = draw(EMPTY, title=format_html("<b>{}</b>", "x"))
    plain = draw(EMPTY, title=markup)

    assert markup in marked
    assert markup not in plain
    assert "&lt;b&gt;x&lt;/b&gt;" in plain


def test_the_same_values_are_drawn_once(monkeypatch: pytest.MonkeyPatch):
    first = draw(EMPTY, title="Drawn once")
    monkeypatch.setattr("ivigsite.encounters.drawings.render_to_string", lambda *_: "again")

    assert draw(EMPTY, title="Drawn once") == first
    assert draw(EMPTY, title="Drawn anew") == "again"
