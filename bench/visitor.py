"""Somebody signed in who asks for pages: of the application in this process, or of a real server."""

import http.client
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client, override_settings

from ivigsite.accounts.models import User

Fields = Mapping[str, str | list[str]]

# As htmx asks: for a part of a page.
FRAGMENT = {"HX-Request": "true"}
CSRF_LENGTH = 32
OK = 200


class UnexpectedAnswer(Exception):
    """A page answered otherwise than it must, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    location: str

    def expect(self, status: int) -> "Answer":
        if self.status != status:
            start = self.body[:300].decode(errors="replace")
            raise UnexpectedAnswer(f"{self.status} in place of {status}: {start}")
        return self


class InProcess:
    """Through Django's test client: no server, no socket."""

    def __init__(self, user: User | None = None) -> None:
        self.client = Client(headers={"host": "localhost"})
        if user is not None:
            self.client.force_login(user)

    @classmethod
    def without_middleware(cls) -> "InProcess":
        """A bare Django, with which every page is compared."""
        bare = cls()
        with override_settings(MIDDLEWARE=[]):
            bare.client.handler.load_middleware()
        return bare

    def get(self, path: str) -> Answer:
        response = self.client.get(path)
        return Answer(response.status_code, response.content, response.headers.get("Location", ""))

    def post(self, path: str, fields: Fields, *, fragment: bool = False) -> Answer:
        response = self.client.post(
            path,
            urlencode(fields, doseq=True),
            content_type="application/x-www-form-urlencoded",
            headers=FRAGMENT if fragment else {},
        )
        return Answer(response.status_code, response.content, response.headers.get("Location", ""))


@dataclass
class OverHttp:
    """Over one connection that stays open, as a browser keeps it."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    @classmethod
    def signed_in(cls, port: int, user: User) -> "OverHttp":
        """With a session made in the database that the server reads, so that no login is timed."""
        return cls(port, session_cookies(user))

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None, {})

    def post(self, path: str, fields: Fields, *, fragment: bool = False) -> Answer:
        token = {"csrfmiddlewaretoken": self.cookies[settings.CSRF_COOKIE_NAME]}
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(FRAGMENT if fragment else {})}
        return self._ask("POST", path, urlencode({**fields, **token}, doseq=True).encode(), headers)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._connection.request(method, path, body, {**headers, "Cookie": cookies} if cookies else headers)
        response = self._connection.getresponse()
        return Answer(response.status, response.read(), response.headers.get("Location", ""))


def session_cookies(user: User) -> dict[str, str]:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    letters = string.ascii_letters + string.digits
    return {
        settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value,
        settings.CSRF_COOKIE_NAME: "".join(secrets.choice(letters) for _ in range(CSRF_LENGTH)),
    }


class FormReader(HTMLParser):
    """What a browser would send of each form of a page if nothing in it were touched."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, list[str]]] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
        elif tag == "select":
            self._select = given.get("name")
        elif tag == "option" and self._select and "selected" in given:
            self._add(self._select, given.get("value", ""))
        elif tag == "input" and self._counts(given):
            self._add(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None

    def _counts(self, given: dict[str, str]) -> bool:
        kind = given.get("type", "text")
        return "name" in given and (kind not in ("radio", "checkbox") or "checked" in given)

    def _add(self, name: str, value: str) -> None:
        if self.forms:
            self.forms[-1].setdefault(name, []).append(value)


def form_with(page: bytes, name: str) -> dict[str, str | list[str]]:
    """The form of a page that has a field of this name, as it would be sent untouched."""
    reader = FormReader()
    reader.feed(page.decode())
    form = next((form for form in reader.forms if name in form), None)
    if form is None:
        raise UnexpectedAnswer(f"The page has no form with a field {name!r}.")
    return dict(form)
