"""Words of a version that would like to be markup: on every page of the workspace they stay words."""

from dataclasses import replace
from html import escape
from uuid import uuid4

import pytest
from django.urls import reverse

from ivigsite.revisions.sections import SECTIONS
from protocols import actions
from protocols.models import ProtocolVersion, Text
from tests.protocols.factory import AT, approved, person, small_protocol
from tests.revisions.test_workspace import as_

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'


def hostile_draft() -> ProtocolVersion:
    small = small_protocol()
    protocol = replace(
        small,
        title=f"Title {SCRIPT}",
        disclaimer=IMAGE,
        texts=tuple(replace(text, title=SCRIPT, body=IMAGE) for text in small.texts),
        branches=tuple(replace(branch, title=SCRIPT, summary=IMAGE) for branch in small.branches),
        decision_rules=tuple(replace(rule, text=SCRIPT) for rule in small.decision_rules),
        cases=tuple(replace(case, sentence=SCRIPT, branch="GONE") for case in small.cases),
        monitoring_items=tuple(replace(item, title=IMAGE) for item in small.monitoring_items),
    )
    return actions.import_draft(protocol=protocol, change_note=IMAGE, by=person("author"), at=AT)


def test_words_of_a_version_stay_words_on_every_page_of_its_workspace() -> None:
    approved()
    version = hostile_draft()
    text = Text.objects.filter(protocol_version=version)[0]
    actions.comment_row(
        version=version,
        section="texts",
        key=text.key,
        text=SCRIPT,
        idempotency_key=uuid4(),
        by=person("reviewer"),
        at=AT,
    )
    client = as_("author")
    one = [version.pk]
    pages = {
        name: client.get(reverse(name, args=one)).content.decode()
        for name in (
            *("workspace", "workspace_header", "workspace_grid", "compare"),
            *("protocols:version", "protocols:search_version"),
        )
    }
    for name in SECTIONS:
        pages[name] = client.get(reverse("workspace_section", args=[version.pk, name])).content.decode()
    row = [version.pk, "texts", text.pk]
    for name in ("workspace_row", "row_comments"):
        pages[name] = client.get(reverse(name, args=row)).content.decode()
    pages["step"] = client.get(reverse("protocol_step", args=[version.pk, "submit"])).content.decode()
    pages["versions"] = client.get(reverse("protocols:versions")).content.decode()

    assert {name for name, page in pages.items() if SCRIPT in page or IMAGE in page} == set()
    for name in ("workspace", "texts", "cases", "workspace_row", "row_comments", "compare"):
        assert escape(SCRIPT) in pages[name], name
