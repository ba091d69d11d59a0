from dataclasses import fields, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from protocols import mapping
from protocols.actions import import_draft
from protocols.engine import protocol as engine
from protocols.engine.plain import LARGEST_WHOLE, canonical_json, seal
from protocols.engine.review import find_problems
from protocols.mapping import ROWS, SealBroken, check_seal, load_protocol_value, read_rows, seal_of
from protocols.models import ContentRow, OrderTemplate, ProtocolVersion
from tests.protocols.factory import AT, PRODUCT, approved, draft, small_protocol, submitted

pytestmark = pytest.mark.django_db


def drop_trigger(table: str, name: str) -> None:
    on_table = f' ON "{table}"' if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TRIGGER "{table}_{name}"{on_table}')


def change_behind_the_back(version: ProtocolVersion, table: str, assignment: str) -> None:
    drop_trigger(table, "no_update")
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{table}" SET {assignment}')


def test_the_small_protocol_of_these_tests_has_no_problems() -> None:
    assert find_problems(small_protocol()) == ()


def test_the_small_protocol_has_a_row_of_every_kind() -> None:
    protocol = small_protocol()

    assert all(getattr(protocol, name) for name in ROWS)


@pytest.mark.parametrize("model", [*ROWS.values(), OrderTemplate], ids=lambda model: model.__name__)
def test_every_field_of_the_engine_has_a_column(model: type[ContentRow]) -> None:
    columns = {field.name for field in model._meta.get_fields()}
    wanted = {f.name for f in fields(mapping.engine_class(model))}

    assert wanted - {"basis", "orders"} <= columns
    assert "basis" not in wanted or {f.name for f in fields(engine.Basis)} <= columns


def test_a_stored_protocol_is_read_back_equal() -> None:
    version = draft()

    assert read_rows(version) == small_protocol()


def test_rows_keep_the_order_of_the_content() -> None:
    first, second = small_protocol().grade_bands
    version = draft(grade_bands=(second, first))

    assert [band.grade for band in read_rows(version).grade_bands] == [second.grade, first.grade]


def test_order_lines_stay_with_their_branch() -> None:
    (branch,) = small_protocol().branches
    other = replace(branch, key="OTHER", orders=branch.orders[::-1])
    version = draft(branches=(branch, other))

    assert read_rows(version).branches == (branch, other)


def test_decimals_are_read_back_in_their_one_spelling() -> None:
    product = replace(PRODUCT, concentration_percent=Decimal("16.5"), maximum_ml_per_kg_per_h=Decimal(100))
    version = draft(products=(product,))

    (stored,) = read_rows(version).products
    assert str(stored.concentration_percent) == "16.5"
    assert str(stored.maximum_ml_per_kg_per_h) == "100"


def test_a_version_is_read_with_one_query_a_table(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    version = draft()

    with django_assert_num_queries(len(ROWS) + 1):
        read_rows(version)


def test_a_sealed_version_is_read_from_the_database_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    version = submitted()
    first = load_protocol_value(version)

    with django_assert_num_queries(0):
        assert load_protocol_value(version) is first


def test_a_draft_is_read_from_the_database_each_time() -> None:
    version = draft()
    load_protocol_value(version)

    ProtocolVersion.objects.filter(pk=version.pk).update(title="Changed")
    version.refresh_from_db()

    assert load_protocol_value(version).title == "Changed"


@pytest.mark.parametrize(
    ("table", "assignment"),
    [
        ("protocols_regimen", "amount = 5"),
        ("protocols_gradeband", "upper_per_ul = 11 WHERE upper_per_ul = 10"),
        ("protocols_ordertemplate", "role = 'standby'"),
        ("protocols_product", "vials_g = '[\"5\"]'"),
        ("protocols_citation", "passage = 'They said eleven.'"),
        ("protocols_safetyrule", "note = 'Never mind.'"),
    ],
)
@pytest.mark.hazard("H20")
def test_an_edit_by_raw_sql_breaks_the_seal(table: str, assignment: str) -> None:
    version = approved()

    change_behind_the_back(version, table, assignment)

    with pytest.raises(SealBroken, match="something else"):
        check_seal(version)


def test_an_edited_title_breaks_the_seal() -> None:
    version = approved()
    drop_trigger("protocols_protocolversion", "keeps_content")

    ProtocolVersion.objects.filter(pk=version.pk).update(disclaimer="Use this.")
    version.refresh_from_db()

    with pytest.raises(SealBroken):
        check_seal(version)


def test_a_removed_row_breaks_the_seal() -> None:
    version = approved()
    drop_trigger("protocols_safetyrule", "no_delete")

    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM "protocols_safetyrule"')

    with pytest.raises(SealBroken):
        check_seal(version)


def test_an_edit_that_makes_no_protocol_breaks_the_seal() -> None:
    version = approved()

    change_behind_the_back(version, "protocols_safetyrule", "severity = 'mild'")

    with pytest.raises(SealBroken):
        check_seal(version)


def test_the_seal_of_the_rows_is_the_seal_of_the_value() -> None:
    version = submitted()

    assert version.seal == seal(small_protocol()) == seal(check_seal(version))


def test_a_forged_seal_is_not_answered_from_what_was_kept() -> None:
    version = approved()
    load_protocol_value(version)

    version.seal = "0" * 64

    with pytest.raises(SealBroken):
        load_protocol_value(version)


def test_versions_with_the_same_content_share_their_seal() -> None:
    first = submitted()
    second = submitted()

    assert first.pk != second.pk
    assert first.seal == second.seal


def test_content_is_stored_under_its_own_version_only() -> None:
    first = draft()
    second = draft(texts=())

    assert len(read_rows(first).texts) == 3
    assert read_rows(second).texts == ()


def test_a_draft_may_be_loaded_by_nobody() -> None:
    version = import_draft(protocol=small_protocol(), change_note="Shipped.", by=None, at=AT)

    assert version.author is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_WHOLE, LARGEST_WHOLE) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_stored_content_seals_like_its_value_whoever_writes_the_text(value: Any) -> None:
    assert seal_of(value) == sha256(canonical_json(value).encode()).hexdigest()
