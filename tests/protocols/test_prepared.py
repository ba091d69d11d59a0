"""A prepared query answers as the query it was made of would, each time anew."""

from datetime import timedelta

import pytest
from django.db.models import DateTimeField, UUIDField

from ivigsite.encounters.models import Encounter
from protocols.prepared import Prepared, Told
from tests.scenario import Site

pytestmark = pytest.mark.django_db

NAMES = ("pk", "ward__code", "opened_at")


@pytest.fixture
def of_user() -> Prepared:
    return Prepared(Encounter.objects.for_user(Told("user", UUIDField())).values_list(*NAMES, named=True))


def test_prepared_query_finds_for_each_value_what_the_query_itself_finds(of_user: Prepared, site: Site):
    for user in (site.physician, site.nurse, site.elsewhere):
        itself = Encounter.objects.for_user(user).values_list(*NAMES)

        assert of_user.rows(user=user.pk) == list(itself)

    (row,) = of_user.rows(user=site.physician.pk)
    assert (row.pk, row.ward__code) == (site.encounter.pk, site.ward.code)


def test_prepared_query_reads_its_rows_anew_each_time(of_user: Prepared, site: Site):
    before = of_user.rows(user=site.physician.pk)
    site.physician.wards.clear()

    assert len(before) == 1
    assert of_user.rows(user=site.physician.pk) == []


def test_prepared_query_compares_moments_and_wants_to_be_told_every_value(site: Site):
    opened_at = site.encounter.opened_at
    by_then = Prepared(Encounter.objects.filter(opened_at__lte=Told("at", DateTimeField())).values_list("pk"))

    assert by_then.rows(at=opened_at) == [(site.encounter.pk,)]
    assert by_then.rows(at=opened_at - timedelta(microseconds=1)) == []
    with pytest.raises(KeyError, match="at"):
        by_then.rows()
