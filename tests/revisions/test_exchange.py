"""Versions out and in as content files: the same seal on both sides, and never more than a draft."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ivigsite.audit.models import AuditEntry
from protocols.content_files import ContentError, dump_content, read_content
from protocols.engine import protocol as engine
from protocols.engine.plain import seal
from protocols.engine.protocol import Protocol
from protocols.lifecycle import State
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion, Text
from tests.orders.test_pages import text_of
from tests.protocols.factory import BASIS, approved, draft, person, small_protocol
from tests.protocols.test_mapping import drop_trigger

# PostgreSQL holds no NUL, and the reader refuses it.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=60)
KEYS = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
# A whole protocol takes minutes to shrink; what differs is plain from the first one found.
NO_SHRINKING = (Phase.explicit, Phase.generate)
NUMBERS = st.decimals(min_value=0, max_value=99_999_999, places=6, allow_nan=False)


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    """Any protocol that can be stored: words, numbers and rows as they come, sense or not."""
    small = small_protocol()
    keys = draw(st.lists(KEYS, min_size=1, max_size=6, unique=True))
    texts = tuple(
        engine.Text(
            key=key,
            topic=draw(st.sampled_from(engine.Topic)),
            title=draw(WORDS),
            body=draw(WORDS),
            source_says=draw(WORDS | st.just("")),
            when=draw(st.sampled_from([(), small.gates[0].when, small.bleeding_rules[0].when])),
            basis=replace(BASIS, uncertain=draw(st.booleans()), note=draw(WORDS)),
        )
        for key in keys
    )
    parameters = tuple(
        engine.Parameter(key=key, label=draw(WORDS), value=draw(NUMBERS), unit=draw(WORDS), basis=BASIS)
        for key in keys
    )
    regimen = replace(
        small.regimens[0],
        amount=draw(NUMBERS),
        cap=draw(st.none() | NUMBERS),
        cap_kind=draw(st.none() | st.sampled_from(engine.CapKind)),
        taper=draw(WORDS | st.just("")),
        infuse_over_minutes=draw(st.none() | st.integers(1, 10_000)),
    )
    branches = tuple(
        replace(
            small.branches[0],
            key=key,
            title=draw(WORDS),
            orders=small.branches[0].orders[: draw(st.integers(0, 2))],
        )
        for key in draw(st.lists(KEYS, max_size=3, unique=True))
    )
    return small_protocol(
        title=draw(WORDS),
        disclaimer=draw(WORDS),
        texts=texts,
        parameters=parameters,
        regimens=(regimen,),
        branches=branches,
    )


def as_(username: str, role: str) -> Client:
    somebody: Any = person(username)
    somebody.role = role
    somebody.save()
    client = Client()
    client.force_login(somebody)
    return client


def paste(client: Client, content: str, note: str = "From another hospital.") -> Any:
    return client.post(reverse("import_version"), {"content": content, "change_note": note})


@examples(max_examples=40, phases=NO_SHRINKING)
@given(protocols())
def test_any_protocol_comes_back_from_its_content_file_with_the_same_seal(protocol: Protocol) -> None:
    back = read_content(dump_content(protocol).encode(), name="file")

    assert back == protocol
    assert seal(back) == seal(protocol)


@pytest.mark.django_db
@examples(max_examples=3, phases=NO_SHRINKING)
@given(protocols())
def test_any_protocol_comes_back_from_the_database_with_the_same_seal(protocol: Protocol) -> None:
    author = as_("author", "protocol_author")
    # A box sends its lines as browsers do.
    answer = paste(author, dump_content(protocol).replace("\n", "\r\n"))

    assert answer.status_code == 302, text_of(answer)
    version = ProtocolVersion.objects.order_by("-number").first()
    assert version is not None
    exported = author.get(reverse("export_version", args=[version.pk])).content
    assert seal(read_content(exported, name="file")) == seal(protocol)


@pytest.mark.django_db
@pytest.mark.hazard("H20")
def test_what_is_imported_is_a_draft_of_whoever_imports_it_whatever_was_approved_elsewhere() -> None:
    there = approved()
    author = as_("author", "protocol_author")
    exported = author.get(reverse("export_version", args=[there.pk]))
    assert exported["Content-Disposition"] == 'attachment; filename="small-1.toml"'

    answer = paste(author, exported.content.decode())

    version = ProtocolVersion.objects.get(number=2)
    assert answer["Location"] == reverse("workspace", args=[version.pk])
    assert (version.state, version.seal, version.author) == (State.DRAFT, "", person("author"))
    assert version.change_note == "From another hospital."
    assert seal(load_protocol_value(version)) == there.seal
    assert AuditEntry.objects.filter(action="protocol.imported", object_id=version.pk).count() == 1
    assert "Version 1 says the same." in text_of(author.get(answer["Location"]))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text.replace('title = "A small', "title = A small", 1), "Line 2: "),
        (lambda text: text + "\n[[texts]]\nkey = 'X'\nsurprise = 1\n", "surprise"),
        (lambda text: text + "\nx = " + "[" * 20_000, "nested too deeply"),
        (lambda text: text.replace('slug = "small"', 'slug = "../../etc"'), "Line 1: slug"),
        (lambda text: text.replace("Never use this.", "Never \\u0000 use this."), "NUL"),
        (lambda text: text.replace('amount = "0.5"', 'amount = "1e999999"'), "Line "),
        (lambda text: text.replace('unit = "things"', f'unit = "{"x" * 5000}"', 1), ""),
        (lambda text: text.replace('slug = "small"', f'slug = "{"a" * 61}"'), "Line 1: slug"),
        (lambda text: "# " + "é" * 1_100_000 + "\n" + text, "larger than 2000000 bytes"),
        (lambda text: "", "Choose or paste a content file."),
        (lambda text: "<script>alert(1)</script>", "Line 1: "),
    ],
)
def test_content_that_is_none_is_refused_with_its_line_and_stays_in_the_box(spoil: Any, words: str) -> None:
    content = spoil(dump_content(small_protocol()))
    author = as_("author", "protocol_author")

    answer = paste(author, content)

    if not words:
        # What one database has no room for another may hold: refused or stored exactly, and never a fault.
        assert answer.status_code in (302, 422)
        return
    assert answer.status_code == 422
    assert words in text_of(answer).replace("&#x27;", "'")
    assert "<script>alert" not in answer.content.decode()
    form = answer.context["form"]
    assert form["content"].value() == content
    assert form["change_note"].value() == "From another hospital."
    assert not ProtocolVersion.objects.exists()


@pytest.mark.django_db
def test_rows_that_share_a_key_are_refused_and_nothing_is_stored() -> None:
    small = small_protocol()
    twice = replace(small, texts=(*small.texts, small.texts[0]))

    answer = paste(as_("author", "protocol_author"), dump_content(twice))

    assert answer.status_code == 422
    assert "share their key" in text_of(answer)
    assert not ProtocolVersion.objects.exists()


@pytest.mark.django_db
def test_body_longer_than_any_content_file_is_refused_and_other_pages_take_none_of_it() -> None:
    author = as_("author", "protocol_author")
    longest, form = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.BODY_LIMIT_BYTES

    too_long = paste(author, "x" * longest)
    elsewhere = author.post(reverse("quick_check"), {"content": "x" * form})
    nowhere = author.post("/nowhere/", {"content": "x" * form})

    assert [too_long.status_code, elsewhere.status_code, nowhere.status_code] == [413, 413, 413]
    # Each page tells its own limit.
    assert f"{longest // 1024} kilobytes" in too_long.content.decode()
    assert f"{form // 1024} kilobytes" in elsewhere.content.decode()


@pytest.mark.django_db
def test_only_authors_import_and_a_broken_version_is_not_exported() -> None:
    version = approved()
    nurse = as_("nurse", "nurse")

    assert nurse.get(reverse("import_version")).status_code == 403
    assert paste(nurse, dump_content(small_protocol())).status_code == 403
    assert nurse.get(reverse("export_version", args=[version.pk])).status_code == 200
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")
    from protocols.mapping import _sealed

    _sealed.clear()
    assert nurse.get(reverse("export_version", args=[version.pk])).status_code == 409


def test_line_of_an_error_is_where_it_stands_for_pasted_text_too() -> None:
    content = dump_content(
        small_protocol(
            parameters=(engine.Parameter(key="K", label="L", value=Decimal(1), unit="u", basis=BASIS),)
        )
    )
    line = content.split("\n").index('key = "K"') + 1
    wrong = content.replace('value = "1"', "value = true")

    with pytest.raises(ContentError) as refused:
        read_content(wrong.encode(), name="file")

    assert refused.value.line is not None
    assert line - 1 <= refused.value.line <= line + 3


@pytest.mark.django_db
def test_draft_is_exported_as_it_stands_and_a_question_is_answered_from_it() -> None:
    version = draft(title="A draft of tests")
    nurse = as_("nurse", "nurse")

    assert b"A draft of tests" in nurse.get(reverse("export_version", args=[version.pk])).content
    page = text_of(nurse.get(reverse("protocols:search_version", args=[version.pk]), {"q": "low"}))
    assert "Do not treat by it." in page
    assert "Low" in page
    assert "C10" in page
