"""One JSON object a line, in UTC, without a word of what a person typed."""

import json
import logging
import traceback
from datetime import UTC, datetime

from ivigsite.audit.context import request_origin


class JsonFormatter(logging.Formatter):
    """A log line that a machine can read and that no message can break in two."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if origin := request_origin.get():
            line["request"] = str(origin.request_id)
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            # Where it broke, not what it said: a database's message quotes the row that it refused.
            line["error"] = kind.__name__
            line["where"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
            ]
        # ASCII only, so that no direction mark or line separator reaches the log as itself.
        return json.dumps(line, ensure_ascii=True)
