"""What the floors above may listen to."""

from typing import Final

from django.dispatch import Signal

given_on_paper: Final = Signal()
"""Sent with `encounter` when what was given in it is counted; answers an `orders.given.FromPaper`."""

named_on_paper: Final = Signal()
"""Sent with `number` and `product` when a lot or unit is recalled; answers an `orders.lot_recall.Named` of
what downtime forms say."""
