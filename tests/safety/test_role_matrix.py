"""Who may do what, address by address: every route of the URL conf has a row here, or this fails."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from ivigsite.accounts.roles import Role
from ivigsite.audit.models import AuditEntry
from protocols.admin import CONTENT
from tests.safety.routes import Route, all_routes
from tests.safety.world import World, client_of

pytestmark = pytest.mark.one_database


BEDSIDE = frozenset({Role.PHYSICIAN, Role.HAEMATOLOGIST, Role.NURSE, Role.PHARMACIST})
STAFF = frozenset({Role.PROTOCOL_AUTHOR, Role.PROTOCOL_REVIEWER, Role.PROTOCOL_APPROVER, Role.ADMIN})
WHO = {
    "anyone": frozenset(Role),
    "signed_in": frozenset(Role),
    "bedside": BEDSIDE,
    "prescribers": frozenset({Role.PHYSICIAN, Role.HAEMATOLOGIST}),
    "recorders": frozenset({Role.PHYSICIAN, Role.HAEMATOLOGIST, Role.NURSE}),
    "recallers": frozenset({Role.HAEMATOLOGIST, Role.PHARMACIST}),
    "staff": STAFF,
    "author": frozenset({Role.PROTOCOL_AUTHOR}),
    "admin": frozenset({Role.ADMIN}),
    "downtime": frozenset({Role.PHYSICIAN, Role.HAEMATOLOGIST, Role.PHARMACIST, Role.ADMIN}),
    "withdrawers": frozenset({Role.PROTOCOL_APPROVER, Role.ADMIN}),
    "nobody": frozenset(),
}

# What those who may get for GET and for an empty POST; everybody else gets 403 for both.
#   route                                     who          GET  POST
SITE_ROWS = """
    board                                     bedside      200  405
    board_rows                                bedside      200  405
    handover                                  bedside      200  405
    handover_file                             bedside      200  405
    checklist                                 bedside      200  405
    extra_result                              recorders    200  422
    record_result                             recorders    200  422
    decline_check                             recorders    405  422
    correct_result                            recorders    200  422
    acknowledge                               recorders    405  302
    release_hold                              prescribers  405  422
    quick_check                               signed_in    200  200
    search                                    bedside      200  200
    new_patient                               prescribers  200  200
    patient                                   bedside      200  405
    correct_patient                           prescribers  200  200
    open_encounter                            prescribers  405  422
    encounter                                 bedside      200  405
    standing                                  bedside      204  405
    assess                                    prescribers  200  200
    discharge                                 prescribers  200  422
    discharge_papers                          bedside      404  405
    discharge_file                            bedside      404  405
    move_encounter                            prescribers  302  302
    emergency                                 prescribers  200  200
    start_emergency                           prescribers  405  302
    stand_down_emergency                      prescribers  405  422
    emergency_orders                          prescribers  200  200
    assessment                                bedside      200  405
    choose_orders                             prescribers  200  200
    sign_orders                               prescribers  405  422
    order_set                                 bedside      200  405
    print_sheet                               bedside      405  302
    void_order_set                            prescribers  200  200
    sheet_file                                bedside      200  405
    order_sheets                              bedside      200  405
    html_sheet                                bedside      200  405
    infusion                                  bedside      200  405
    note_given                                recorders    405  422
    correct_act                               recorders    200  422
    correct_given                             recorders    200  422
    lot_recall                                recallers    200  405
    lot_recall_csv                            recallers    422  405
    paper_orders                              recorders    200  422
    correct_paper_order                       recorders    200  422
    downtime                                  signed_in    200  405
    downtime_progress                         signed_in    200  405
    write_downtime                            downtime     405  422
    downtime_forms                            signed_in    404  405
    downtime_orders                           bedside      404  405
    find_status                               anyone       200  405
    status                                    anyone       200  405
    scanned_status                            anyone       200  405
    login                                     anyone       200  200
    logout                                    signed_in    405  302
    me                                        signed_in    200  200
    change_password                           signed_in    200  200
    stay_signed_in                            signed_in    405  204
    end_session                               signed_in    405  404
    admin/login/                              anyone       200  200
    admin/logout/                             signed_in    405  302
    admin/password_change/                    signed_in    200  200
    workspace                                 staff        200  405
    workspace_header                          nobody       403  403
    workspace_grid                            staff        200  405
    workspace_try                             staff        200  200
    workspace_section                         staff        200  405
    workspace_new_row                         nobody       403  403
    workspace_row                             nobody       403  403
    workspace_row_in_place                    nobody       403  403
    workspace_move_row                        author       405  403
    workspace_remove_row                      author       405  403
    compare                                   signed_in    200  405
    ask_for_proof                             staff        405  422
    proof                                     staff        200  405
    confirm_proof                             staff        405  302
    row_comments                              staff        200  422
    protocol_step                             author       200  422
    recall                                    withdrawers  200  405
    recall_csv                                withdrawers  200  405
    protocols:current                         signed_in    200  405
    protocols:versions                        signed_in    200  405
    protocols:version                         signed_in    200  405
    protocols:policy                          signed_in    200  405
    protocols:search                          signed_in    200  405
    protocols:search_version                  signed_in    200  405
    export_version                            signed_in    200  405
    version_paper                             signed_in    202  405
    import_version                            author       200  422
    protocols:read_note                       signed_in    405  302
"""
ADMIN_ROWS = """
    index                                     staff        200  200
    password_change_done                      staff        200  405
    autocomplete                              staff        403  405
    jsi18n                                    staff        200  405
    view_on_site                              staff        404  404
    app_list                                  staff        200  200
    admin/(?P<url>.*)$                        staff        404  404
    accounts_user_changelist                  admin        200  200
    accounts_user_add                         admin        200  200
    accounts_user_history                     admin        200  200
    accounts_user_delete                      nobody       403  403
    accounts_user_change                      admin        200  200
    accounts_ward_changelist                  admin        200  200
    accounts_ward_add                         admin        200  200
    accounts_ward_history                     admin        200  200
    accounts_ward_delete                      nobody       403  403
    accounts_ward_change                      admin        200  200
    audit_auditentry_changelist               admin        200  200
    audit_auditentry_add                      nobody       403  403
    audit_auditentry_history                  admin        200  200
    audit_auditentry_delete                   nobody       403  403
    audit_auditentry_change                   admin        200  403
    protocols_protocolversion_changelist      staff        200  200
    protocols_protocolversion_add             nobody       403  403
    protocols_protocolversion_history         staff        200  200
    protocols_protocolversion_delete          nobody       403  403
    protocols_protocolversion_change          staff        200  403
"""
# The same for each table of content; the version it belongs to is approved.
CONTENT_ROWS = """
    changelist                                staff        200  200
    add                                       nobody       403  403
    history                                   staff        200  200
    delete                                    nobody       403  403
    change                                    staff        200  403
"""
# They only lead to the page of the same record; the admin redirects before it asks anything.
SHORT = re.compile(r"admin/\w+/\w+/<path:object_id>/$")


@dataclass(frozen=True, slots=True)
class Row:
    who: frozenset[Role]
    get: int
    post: int
    is_open: bool = False
    """Whether people who have not signed in are let in."""

    def expected(self, role: Role) -> tuple[int, int]:
        return (self.get, self.post) if role in self.who else (403, 403)


def read(text: str, prefix: str = "") -> Iterator[tuple[str, Row]]:
    for line in text.strip().split("\n"):
        name, who, get, post = line.split()
        yield prefix + name, Row(WHO[who], int(get), int(post), is_open=who == "anyone")


ROWS = dict(read(SITE_ROWS)) | dict(read(ADMIN_ROWS, "admin:"))
for _model in CONTENT:
    ROWS |= dict(read(CONTENT_ROWS, f"admin:protocols_{_model._meta.model_name}_"))
ROWS["short"] = Row(STAFF, 302, 302)


def row_of(route: Route) -> Row:
    return ROWS["short" if SHORT.match(route.pattern) else route.name]


def answers_to(client: Client, path: str, *, posts: bool = True) -> tuple[int, int | None]:
    """What GET and an empty POST are answered with; what they change, signing out too, is taken back."""
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    # As the test's own, so that what must not be nested elsewhere may be nested in it.
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        answers = client.get(path).status_code, client.post(path).status_code if posts else None
        transaction.set_rollback(True)
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    return answers


def is_posted_to(route: Route) -> bool:
    """All tables of content share their views; one of them stands for the others where it takes long."""
    return not route.name.startswith("admin:protocols_") or any(
        name in route.name for name in ("protocolversion", "citation", "ordertemplate")
    )


def test_every_route_has_a_row_and_every_row_a_route():
    routed = {"short" if SHORT.match(route.pattern) else route.name for route in all_routes()}

    assert routed == ROWS.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
def test_role_reaches_exactly_what_its_rows_say(world: World, role: Role):
    client = client_of(world.people[role], raise_request_exception=False)
    # The physician signed in first, so the session the route ends is the physician's own and theirs alone.
    expected: dict[str, Any] = {route.pattern: row_of(route).expected(role) for route in all_routes()}
    if role is Role.PHYSICIAN:
        expected["me/sessions/<uuid:sign_in_id>/end/"] = (405, 302)

    found = {
        route.pattern: answers_to(client, route.path(world), posts=is_posted_to(route))
        for route in all_routes()
    }

    read_only = {pattern: (get, None) for pattern, (get, _) in expected.items() if found[pattern][1] is None}
    assert found == expected | read_only


@pytest.mark.django_db
def test_only_reading_and_posting_are_answered(world: World):
    client = client_of(world.site.physician, raise_request_exception=False)

    answered = {
        (method, route.name): status
        for route in all_routes()
        for method in ("put", "patch", "delete", "options", "trace")
        if not route.is_admin
        and (status := getattr(client, method)(route.path(world)).status_code) not in (403, 405)
    }

    assert answered == {}


@pytest.mark.django_db
def test_who_is_not_signed_in_is_sent_to_the_login_page(world: World):
    client = Client()

    for route in all_routes():
        if row_of(route).is_open:
            continue
        path = route.path(world)
        for answer, back in ((client.get(path), path), (client.post(path), "/")):
            assert answer.status_code == 302, path
            assert answer["Location"] == f"/login/?next={quote(back, safe='')}"
            assert answer.content == b""


@pytest.mark.django_db
def test_no_fragment_ever_holds_the_login_page(world: World):
    client = Client(headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/quick-check/"})

    for route in all_routes():
        if row_of(route).is_open:
            continue
        for answer in (client.get(route.path(world)), client.post(route.path(world))):
            assert answer.status_code == 401, route.pattern
            assert answer["HX-Redirect"] == "/login/?next=%2Fquick-check%2F"
            assert answer.content == b""


@pytest.mark.django_db
def test_what_belongs_to_another_ward_looks_like_what_is_not_there(world: World):
    stranger = client_of(world.site.elsewhere)
    # A protocol belongs to no ward.
    routes = [route for route in all_routes() if route.targets and "pk" not in route.targets]

    answered = {
        (route.name, method): (
            call(stranger, method, route.path(world)),
            call(stranger, method, route.path_to_nothing()),
        )
        for route in routes
        for method in ("get", "post")
    }

    assert {name for name, _ in answered} >= {"patient", "encounter", "assessment", "order_set", "sheet_file"}
    for (name, method), (theirs, nothing) in answered.items():
        assert theirs == nothing, name
        assert theirs[0] in (404, 405), (name, method)
    denied = AuditEntry.objects.filter(action__endswith=".denied", actor=world.site.elsewhere)
    assert set(denied.values_list("object_id", flat=True)) >= {
        world.site.encounter.pk,
        world.site.encounter.patient_id,
        world.assessment.pk,
        world.order_set.pk,
        world.print.pk,
    }


def call(client: Client, method: str, path: str) -> tuple[int, str]:
    """The answer without what differs between any two: the number of the request, the token, the time."""
    answer: Any = getattr(client, method)(path)
    changing = r'class="mono">[0-9a-f-]{36}<|name="csrfmiddlewaretoken" value="\w+"|seconds-left="\d+"'
    return answer.status_code, re.sub(changing, "", answer.content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize("role", sorted(BEDSIDE))
def test_clinician_of_no_ward_sees_nobody(world: World, role: Role):
    user = world.people[role]
    user.wards.clear()
    client = client_of(user)

    reached = {
        route.name: client.get(route.path(world)).status_code
        for route in all_routes()
        if route.targets and not route.is_admin and "pk" not in route.targets
    }

    assert not {name for name, status in reached.items() if status < 400}
    assert "O'Brien" not in client.get("/").content.decode()
    assert "O'Brien" not in client.post("/search/", {"q": "O'Brien"}).content.decode()
