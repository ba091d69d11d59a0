"""Every answer the site can give carries the whole set of headers, errors and files too."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from ivigsite.encounters import selectors
from ivigsite.orders import actions
from ivigsite.orders.sheet.jobs import SheetFailed, SheetQueueFull
from tests.encounters.answers import saving
from tests.orders.test_signing import choices
from tests.safety.routes import all_routes
from tests.safety.world import World, client_of
from tests.scenario import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
EXACT = {
    "Cache-Control": "no-store, private",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def missing(answer: Any) -> list[str]:
    """What an answer lacks of the headers that all of them carry."""
    wrong = [name for name, value in EXACT.items() if answer.headers.get(name) != value]
    policy = answer.headers.get("Content-Security-Policy", "")
    if dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip()) != POLICY:
        wrong.append("Content-Security-Policy")
    if not re.fullmatch(r"([a-z-]+=\(\)(, |$)){20,}", answer.headers.get("Permissions-Policy", "")):
        wrong.append("Permissions-Policy")
    vary = {part.strip().lower() for part in answer.headers.get("Vary", "").split(",")}
    if not {"cookie", "hx-request"} <= vary:
        wrong.append("Vary")
    if set(answer.headers) & {"Server", "X-Powered-By"}:
        wrong.append("says what it runs on")
    return wrong


@pytest.mark.parametrize("role", ["physician", "admin"])
def test_every_route_answers_with_every_header(world: World, role: Any) -> None:
    client = client_of(world.people[role], raise_request_exception=False)
    # One table of content stands for the others, and what ends the session comes last.
    routes = sorted(
        (
            route
            for route in all_routes()
            if not route.name.startswith("admin:protocols_") or "citation" in route.name
        ),
        key=lambda route: "logout" in route.pattern,
    )

    lacking = {
        (route.name, method): wrong
        for route in routes
        for method in ("get", "head", "post", "put", "trace")
        if (wrong := missing(getattr(client, method)(route.path(world))))
    }

    assert lacking == {}


def test_what_strangers_get_carries_them_too(world: World) -> None:
    plain, htmx = Client(), Client(headers={"HX-Request": "true"})

    lacking = {
        route.name: wrong
        for route in all_routes()
        for client in (plain, htmx)
        if (wrong := missing(client.get(route.path(world))))
    }

    assert lacking == {}


def void(client: Client, world: World) -> Any:
    url = reverse("void_order_set", args=[world.order_set.pk])
    return client.post(url, {"reason": "Wrong patient", "password": PASSWORD})


ANSWERS: dict[int, list[Callable[[Client, World], Any]]] = {
    200: [
        lambda client, world: client.get(reverse("sheet_file", args=[world.print.pk])),
        lambda client, world: client.post(
            "/quick-check/", {"platelets": "18"}, headers={"HX-Request": "true"}
        ),
    ],
    302: [lambda client, world: client.post(reverse("print_sheet", args=[world.order_set.pk]))],
    400: [
        lambda client, world: client.get("/", headers={"Host": "elsewhere.example"}),
        lambda client, world: client.post("/quick-check/", {f"field{n}": "" for n in range(300)}),
        lambda client, world: client.post("/quick-check/", b"x", content_type="multipart/form-data"),
        lambda client, world: client.get("/", headers={"Content-Length": "many"}),
    ],
    403: [
        lambda client, world: client.get("/admin/"),
        lambda client, world: Client(enforce_csrf_checks=True).post("/login/", {"username": "x"}),
    ],
    404: [
        lambda client, world: client.get("/nowhere/"),
        lambda client, world: client.get(reverse("encounter", args=[uuid4()])),
        lambda client, world: client.get("/encounters/abc/"),
    ],
    405: [lambda client, world: client.post("/"), lambda client, world: client.trace("/")],
    409: [
        lambda client, world: client.post(
            reverse("assess", args=[world.site.encounter.pk]), saving(world.site.encounter, version="1")
        ),
        lambda client, world: [void(client, world), void(client, world)][1],
    ],
    413: [
        lambda client, world: client.post("/quick-check/", {"platelets": "1" * 300_000}),
    ],
    422: [
        lambda client, world: client.post("/quick-check/", {"platelets": "25.000"}),
        lambda client, world: Client().post("/login/", {"username": "physician", "password": "wrong"}),
    ],
}


def test_answer_of_each_kind_carries_them(world: World) -> None:
    client = client_of(world.site.physician, raise_request_exception=False)

    for status, asks in ANSWERS.items():
        for ask in asks:
            answer = ask(client, world)
            assert answer.status_code == status
            assert missing(answer) == []


def test_a_fault_carries_them_and_tells_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(world.site.physician, raise_request_exception=False)

    def fail(*_given: object, **_named: object) -> None:
        raise RuntimeError("the word nobody should read")

    monkeypatch.setattr(selectors, "search", fail)
    answer = client.post("/search/", {"q": "anybody"})

    assert answer.status_code == 500
    assert missing(answer) == []
    assert "nobody should read" not in answer.content.decode()
    assert "selectors" not in answer.content.decode()


@pytest.mark.parametrize(("failure", "status"), [(SheetFailed("no"), 503), (SheetQueueFull("full"), 429)])
def test_a_sheet_that_fails_carries_them(
    world: World, monkeypatch: pytest.MonkeyPatch, failure: SheetFailed, status: int
) -> None:
    def fail(*_job: object) -> bytes:
        raise failure

    monkeypatch.setattr(actions, "render_in_worker", fail)
    client = client_of(world.site.physician)
    client.get(reverse("sheet_file", args=[world.print.pk]))

    answer = client.post(reverse("print_sheet", args=[world.order_set.pk]), follow=True)

    assert answer.status_code == status
    assert missing(answer) == []


def test_a_file_says_what_it_is_and_nothing_of_whose(world: World) -> None:
    answer = client_of(world.site.physician).get(reverse("sheet_file", args=[world.print.pk]))

    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="order-set.pdf"'


def test_signing_out_empties_the_browser(world: World) -> None:
    client = client_of(world.site.physician)

    answer = client.post("/logout/")

    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert missing(answer) == []


def test_no_script_reads_a_cookie(world: World) -> None:
    client = Client()
    client.get("/login/")

    client.post("/login/", {"username": "physician", "password": PASSWORD})

    assert set(client.cookies) == {"csrftoken", "sessionid"}
    for cookie in client.cookies.values():
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"] == "Lax", cookie.key
        assert cookie["path"] == "/", cookie.key


def test_hospital_site_promises_tls_for_a_year(world: World, settings: LazySettings) -> None:
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60

    answer = Client().get("/login/", secure=True)

    assert answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_nothing_typed_into_the_address_reaches_the_headers(world: World) -> None:
    client = client_of(world.site.physician)
    posted = {**choices(world.assessment), "next": "/\r\nSet-Cookie: x=1", "product": "a\r\nX-Evil: 1"}

    for answer in (
        client.post(reverse("choose_orders", args=[world.assessment.pk]), posted),
        Client().get("/protocols/?next=%0d%0aX-Evil:1"),
        Client().post("/login/?next=/%0d%0aX-Evil:1", {"username": "a", "password": "b"}),
    ):
        assert "X-Evil" not in answer.headers
        assert not any("\n" in value or "\r" in value for value in answer.headers.values())
