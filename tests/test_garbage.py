"""What starting has made is no longer walked, and a preview ends without a collection."""

import gc

import pytest

from ivigsite.garbage import OBJECTS_BETWEEN, spare_what_stays


@pytest.fixture
def collector_as_it_was():
    threshold, was_frozen = gc.get_threshold(), gc.get_freeze_count()
    yield
    gc.set_threshold(*threshold)
    if not was_frozen:
        gc.unfreeze()


@pytest.mark.usefixtures("collector_as_it_was")
def test_what_was_made_before_is_out_of_every_collection():
    kept = [[number] for number in range(100)]
    frozen_before = gc.get_freeze_count()
    spare_what_stays()
    assert gc.get_freeze_count() >= frozen_before + len(kept)
    assert not any(item is kept for item in gc.get_objects())


@pytest.mark.usefixtures("collector_as_it_was")
def test_fewer_objects_than_a_preview_makes_start_no_collection():
    spare_what_stays()
    gc.collect()
    collections_before = gc.get_stats()[0]["collections"]
    made = [[number] for number in range(OBJECTS_BETWEEN // 2)]
    assert gc.get_stats()[0]["collections"] == collections_before
    assert made
