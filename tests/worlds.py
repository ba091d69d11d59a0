"""Rows that several tests start from, written once and taken back after the last of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from pytest_django import DjangoDbBlocker


@contextmanager
def shared_rows(blocker: DjangoDbBlocker) -> Iterator[None]:
    """What is written within is there for every test within: each undoes only what it did itself.

    For a fixture of a module's scope, in a module whose tests do not commit.
    """
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
