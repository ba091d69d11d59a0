from tests.orders.conftest import asked_ahead, physician  # noqa: F401
