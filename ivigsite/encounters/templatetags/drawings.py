"""Parts of a page that are drawn once for what they show."""

from collections.abc import Hashable, Iterable

from django import template
from django.forms import Form
from django.utils.html import format_html_join

from ivigsite.encounters.advice import Advice
from ivigsite.encounters.drawings import Part, draw
from ivigsite.encounters.role_views import SHOWS, Panel

register = template.Library()


@register.simple_tag
def drawn(template_name: str, **shown: Hashable) -> str:
    """Like `include … with … only`, but what shows the same is drawn once."""
    return draw(template_name, **shown)


@register.simple_tag
def drawn_panels(panels: Iterable[Panel], advice: Advice, form: Form | None) -> str:
    """Panels, drawn with what each says it shows of the advice and with the names of the form's fields."""
    asked = frozenset(form.fields) if form else frozenset()
    drawn = (
        (draw(panel.template, panel=panel, advice=Part(advice, SHOWS[panel.key]), asked=asked),)
        for panel in panels
    )
    return format_html_join("", "{}", drawn)
