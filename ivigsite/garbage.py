"""How a process that answers people collects garbage."""

import gc

# A preview alone makes more than the 700 objects after which Python collects, and few of them are garbage.
OBJECTS_BETWEEN = 10_000


def spare_what_stays() -> None:
    """Keep what starting has made out of every collection: it lives as long as the process."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN)
