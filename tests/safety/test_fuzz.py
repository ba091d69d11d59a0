"""Requests that no browser of ours would send, to every address: refused or answered, never a fault."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ivigsite.encounters.models import Encounter
from ivigsite.orders.models import OrderSet
from tests.encounters.answers import BLEED, PATIENT, saving
from tests.encounters.emergency_answers import emergency_answers
from tests.orders.test_signing import choices
from tests.safety.routes import Route, all_routes
from tests.safety.world import World, client_of, signature
from tests.scenario import PASSWORD

pytestmark = pytest.mark.django_db

REQUESTS = 400

HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "\u202etxet",
    "\u200b",
    "\ufeff",
    "\ud7ff\ue000",
    "x" * 5_000,
    "9" * 400,
    "9" * 5_000,
    "-5",
    "7e1",
    "1e5",
    "1e400",
    "NaN",
    "Infinity",
    "25.000",
    "25,000",
    "25_000",
    ".5",
    "0x1F",
    "٢٥٠٠٠",
    "２５",
    "²",
    "½",
    "9999-12-31T23:59:00-05:00",
    "9999-12-31",
    "0001-01-01",
    "31-Feb-2026",
    "03/04/1980",
    "25-Oct-2026 01:30",
    "29-Mar-2026 01:30",
    "22-Nov-2026 24:00",
    "<script>alert(1)</script>",
    '"><img src="file:///etc/passwd">',
    "{{ 7*7 }}{% debug %}",
    '=HYPERLINK("http://x","y")',
    "' OR 1=1 --",
    "%s%n%(x)s{0}{}",
    "../../etc/passwd",
    "\r\nX-Evil: 1",
    "null",
    "true",
    "[]",
    '{"a": 1}',
    str(uuid4()),
    "00000000-0000-0000-0000-000000000000",
    "not-a-uuid",
    "other",
    "none",
    "unknown",
    "李小龍 🩸",
]
QUERIES = [
    "",
    "?o=password",
    "?o=__class__",
    "?q=%00",
    "?ward=%00",
    "?ward=%FF%FE",
    "?show=mine&ward=%27",
    "?show=" + "x" * 3_000,
    "?password__startswith=a",
    "?role__exact=%00",
    "?action__exact=%00",
    "?protocol_version__id__exact=abc",
    "?e=1&p=99999999999999999999",
    "?p=-1",
    "?all=",
    "?next=//evil.example",
    "?next=http://[",
    "?because=%00",
    "?_popup=1&_to_field=password",
    "?" + "&".join(f"f{n}=1" for n in range(300)),
    "?a[]=1&a[b]=2&%",
]
HEADERS: list[Mapping[str, str]] = [
    {},
    {"HX-Request": "true"},
    {"HX-Request": "true", "HX-Current-URL": "http://["},
    {"HX-Request": "true", "HX-Target": "\u00ff", "HX-Trigger-Name": "platelets"},
    {"HX-Request": "true", "HX-Current-URL-URI-AutoEncoded": "true", "HX-Current-URL": "%FF%00"},
    {"X-Poll": "1"},
    {"Referer": "http://[::1"},
    {"Origin": "null"},
    {"Host": "evil.example"},
    {"Host": "localhost:99999999"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    {"Accept-Language": "x" * 600, "Accept": "*/*;q=nan"},
    {"Cookie": 'sessionid="\\000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"'},
    {"Cookie": "sessionid=" + "z" * 4_000 + "; csrftoken=%00; messages=W10:x"},
    {"Cookie": "messages=\u00e9"},
    {"Content-Length": "-1"},
    {"Content-Encoding": "gzip"},
    {"User-Agent": "\u00ff" * 300},
]
TYPES = [
    "application/x-www-form-urlencoded",
    "application/json",
    "text/plain; charset=utf-7",
    "application/x-www-form-urlencoded; charset=no-such",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=" + "b" * 100,
    "",
]
BODIES = [
    b"",
    b"a" * 300_000,
    b"&".join(b"f%d=1" % number for number in range(500)),
    b"platelets=%FF%FE&platelets_unit=%ED%A0%80",
    b"\x00\xff\xfe",
    b"{",
    b'--b\r\nContent-Disposition: form-data; name="x"; filename="y"\r\n\r\nz\r\n--b--',
    b"%",
    b"=&=&=",
]
METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]
ROUTES = [
    route
    for route in all_routes()
    # One table of content stands for the others: they share their views.
    if not route.name.startswith("admin:protocols_") or "version" in route.name or "citation" in route.name
]

hostile = st.sampled_from(HOSTILE) | st.text(max_size=20)
places = st.integers(0, 60)
routes = st.sampled_from(ROUTES)
fuzzed = settings(
    max_examples=REQUESTS,
    suppress_health_check=list(HealthCheck),
)


def filled(route: Route, world: World) -> dict[str, Any]:
    """What a person would post there; from it one field or two go wrong."""
    encounter = world.site.encounter
    forms: dict[str, Any] = {
        "quick_check": BLEED,
        "new_patient": {
            **PATIENT,
            "ward": str(world.site.ward.pk),
            "bed": "4",
            "idempotency_key": str(uuid4()),
            "carried": "x",
        },
        "correct_patient": {**PATIENT, "version": "1"},
        "open_encounter": {"ward": str(world.site.ward.pk), "bed": "4", "idempotency_key": str(uuid4())},
        "assess": saving(encounter, confirmed="x"),
        "emergency": {**emergency_answers(encounter), "confirmed": "x"},
        "stand_down_emergency": {"reason": "other", "comment": "x"},
        "emergency_orders": {**choices(world.assessment), "held": ""},
        "discharge": {
            "outcome": "responded",
            "version": str(Encounter.objects.get(pk=encounter.pk).version),
            "takes_on": str(world.observation.pk),
            "idempotency_key": str(uuid4()),
        },
        "choose_orders": {**choices(world.assessment), "check": ""},
        "sign_orders": SIGNED,
        "print_sheet": {"paper": "A4"},
        "void_order_set": {"reason": "Wrong patient", "password": PASSWORD},
        "search": {"q": "O'Brien"},
        "login": {"username": "physician", "password": PASSWORD, "next": "/"},
        "me": {"role_view": "nurse", "theme": "dark"},
        "change_password": {
            "current_password": PASSWORD,
            "new_password": "x" * 12,
            "new_password_again": "x",
        },
    }
    return dict(forms.get(route.name, {"seen": "1", "words": "x", "username": "x", "name": "x"}))


SIGNED: dict[str, str] = {}


@pytest.fixture
def people(world: World) -> list[Client]:
    physician = client_of(world.site.physician, raise_request_exception=False)
    SIGNED.update(signature(physician, world.assessment, choices(world.assessment)))
    others = [world.people[role] for role in ("protocol_author", "admin")]  # type: ignore[index]
    # Prescribers come first: to them the most is open.
    return [
        physician,
        *(client_of(user, raise_request_exception=False) for user in others),
        Client(raise_request_exception=False),
    ]


def send(client: Client, world: World, method: str, path: str, **request: Any) -> int:
    """The answer's status; what the request changed is taken back, so that each starts from the same."""
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        verb = [request.pop("verb")] if "verb" in request else []
        status: int = getattr(client, method)(*verb, path, **request).status_code
        assert OrderSet.objects.filter(pk=world.order_set.pk).exists()
        transaction.set_rollback(True)
    client.cookies.clear()
    for name, value in cookies.items():
        client.cookies[name] = value
    return status


def test_a_form_with_a_field_gone_wrong_is_no_fault(world: World, people: list[Client]) -> None:
    with_forms = [route for route in ROUTES if not route.is_admin]

    @seed(20261122)
    @fuzzed
    @given(
        route=st.sampled_from(with_forms),
        wrong=st.dictionaries(
            st.integers(0, 60), hostile | st.lists(hostile, max_size=3), min_size=1, max_size=3
        ),
        gone=places,
        more=st.dictionaries(st.text(max_size=10), hostile, max_size=1),
        headers=st.sampled_from(HEADERS[:3]),
    )
    def holds(
        route: Route, wrong: dict[int, Any], gone: int, more: dict[str, str], headers: dict[str, str]
    ) -> None:
        data = filled(route, world)
        names = [*data, "platelets_unit", "weighed_on", "sampled_at", "procedure", "confirmed", "product"]
        data |= {names[place % len(names)]: value for place, value in wrong.items()} | more
        data.pop(names[gone] if gone < len(names) else "", None)

        assert send(people[0], world, "post", route.path(world), data=data, headers=headers) < 500

    holds()


def test_an_address_or_a_header_gone_wrong_is_no_fault(world: World, people: list[Client]) -> None:
    @seed(20261123)
    @fuzzed
    @given(
        route=routes,
        who=st.integers(0, 3),
        method=st.sampled_from(METHODS),
        query=st.sampled_from(QUERIES),
        headers=st.sampled_from(HEADERS),
    )
    def holds(route: Route, who: int, method: str, query: str, headers: dict[str, str]) -> None:
        path = route.path(world) + query

        assert send(people[who], world, method, path, headers=headers) < 500

    holds()


def test_a_body_gone_wrong_is_no_fault(world: World, people: list[Client]) -> None:
    @seed(20261124)
    @settings(fuzzed, max_examples=200)
    @given(
        route=routes,
        who=st.integers(0, 3),
        verb=st.sampled_from(["POST", "PUT"]),
        body=st.sampled_from(BODIES) | st.binary(max_size=60),
        content_type=st.sampled_from(TYPES),
    )
    def holds(route: Route, who: int, verb: str, body: bytes, content_type: str) -> None:
        path = route.path(world)

        assert (
            send(people[who], world, "generic", path, verb=verb, data=body, content_type=content_type) < 500
        )

    holds()


@pytest.mark.parametrize(
    "path",
    [
        "/encounters/abc/",
        "/encounters/%00/",
        "/encounters/00000000-0000-0000-0000-00000000000%30/",
        "/admin/%00",
        "/admin/accounts/user/%00/change/",
        "/admin/accounts/user/abc/change/",
        "/admin/audit/auditentry/_3A/history/",
        "/admin/r/%00/1/",
        "/admin/r/99999999999999999999999/x/",
        "/admin/protocols/protocolversion/" + "x" * 3_000 + "/change/",
        "/%ED%A0%80/",
        "/static/%00",
        "/static/../settings.py",
    ],
)
def test_an_address_that_is_none_is_no_fault(world: World, people: list[Client], path: str) -> None:
    for client in people:
        assert send(client, world, "get", path) in (301, 302, 400, 403, 404)
        assert send(client, world, "get", path, headers={"HX-Request": "true"}) in (
            301,
            302,
            400,
            401,
            403,
            404,
        )


def test_a_header_gone_wrong_is_no_fault_for_anybody(world: World, people: list[Client]) -> None:
    for client in people:
        for headers in HEADERS:
            for method, path in (("get", "/"), ("post", "/me/stay/")):
                assert send(client, world, method, path, headers=headers) < 500, headers


@pytest.mark.parametrize("token", [None, "", "x" * 64, "\0", "٢" * 32])
def test_a_form_without_our_token_changes_nothing(world: World, token: str | None) -> None:
    client = client_of(world.site.physician, enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/me/")
    data = {
        "outcome": "responded",
        "comment": "Discharged",
        "version": "3",
        "idempotency_key": str(uuid4()),
    } | ({} if token is None else {"csrfmiddlewaretoken": token})

    answer = client.post(f"/encounters/{world.site.encounter.pk}/discharge/", data)

    assert answer.status_code == 403
    assert b"Discharged" in answer.content
    world.site.encounter.refresh_from_db()
    assert world.site.encounter.is_open
