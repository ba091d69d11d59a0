"""A filled template as WeasyPrint takes it: read as XML, in as little style as its elements need."""

from functools import cache
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from cssselect2 import ElementWrapper
from weasyprint import CSS, HTML
from weasyprint.urls import URLFetcher

BASE_STYLES: Final = Path(__file__).parents[3] / "templates/sheet/base.css"


class Markup(HTML):  # type: ignore[misc]  # WeasyPrint has no types
    """Our templates are well-formed, so that a parser in C reads them fifty times as fast as one of HTML."""

    def __init__(self, text: str, *, url_fetcher: URLFetcher) -> None:
        super().__init__(string="<html>", url_fetcher=url_fetcher)
        # What is not our own in it was escaped by the template.
        self.etree_element = ElementTree.fromstring(text)  # noqa: S314
        self.wrapper_element = ElementWrapper.from_html_root(self.etree_element, content_language=None)

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:
        return [base_styles()]


@cache
def base_styles() -> CSS:
    return CSS(string=BASE_STYLES.read_text())
