import json
import logging
from uuid import UUID

import pytest

from ivigsite.audit.context import RequestOrigin, request_origin
from ivigsite.logs import JsonFormatter


def line(message: str, *arguments: object, error: BaseException | None = None) -> str:
    record = logging.LogRecord(
        "ivigsite.orders",
        logging.WARNING,
        __file__,
        1,
        message,
        arguments,
        (type(error), error, error.__traceback__) if error else None,
    )
    return JsonFormatter().format(record)


def test_log_line_is_one_json_object_in_utc():
    fields = json.loads(line("Sheet %s is late", "7f"))

    assert fields["message"] == "Sheet 7f is late"
    assert fields["level"] == "WARNING"
    assert fields["logger"] == "ivigsite.orders"
    assert fields["at"].endswith("+00:00")


@pytest.mark.parametrize("trick", ["\n", "\r\n", "\u2028", "\u202e", "\x00", "\x1b[2J"])
def test_message_cannot_forge_a_second_line(trick: str):
    written = line(f"signed{trick}in")

    assert written.isprintable()
    assert written.isascii()
    assert json.loads(written)["message"] == f"signed{trick}in"


def test_error_says_where_it_broke_and_not_what_it_held():
    with pytest.raises(ValueError, match="4567") as raised:
        int("999 123 4567")

    written = line("Internal Server Error: /orders/", error=raised.value)

    fields = json.loads(written)
    assert fields["error"] == "ValueError"
    assert "test_logs.py" in fields["where"][0]
    assert "4567" not in written


def test_line_of_a_request_carries_its_number():
    number = UUID("5a9f7b1e-54f4-4a2e-9c7e-0d7b6d1f2a3b")
    token = request_origin.set(RequestOrigin(request_id=number, address=None))

    fields = json.loads(line("slow"))
    request_origin.reset(token)

    assert fields["request"] == str(number)


def test_line_outside_a_request_carries_none():
    assert "request" not in json.loads(line("started"))
