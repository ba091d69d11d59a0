from tests.orders.conftest import asked_ahead, physician, site  # noqa: F401
