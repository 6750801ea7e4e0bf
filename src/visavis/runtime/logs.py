"""What a server writes down of its own running: one JSON object a line, and nothing of a person, whoever logs.

A line has the constant words of its message, never what was filled in; the few fields named in :data:`FIELDS`; and of
an exception its kind and the places in the code, never its text (a key that is missing may be somebody's name).
Requests are not logged at all: their addresses name people.
"""

import logging
import sys
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Final, TextIO

import msgspec

FIELDS: Final = ("kind", "entries", "moments", "reason", "attempt", "status")
"""What of a record's ``extra`` is written; all else is left out."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        r"""The line.

        >>> record = logging.LogRecord("visavis", logging.ERROR, "", 0, "%s was lost\nfor ever", ("camille",), None)
        >>> record.kind, record.customer, record.created = "entered", "camille", 0.0
        >>> JsonLines().format(record)
        '{"at":"1970-01-01T00:00:00+00:00","level":"error","from":"visavis","what":"%s was lost","kind":"entered"}'
        """
        message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "from": record.name,
            "what": message.strip().partition("\n")[0],
        }
        told.update(
            {name: value for name in FIELDS if isinstance(value := getattr(record, name, None), str | int | float)}
        )
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            told["at_code"] = [
                f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
                for frame in extract_tb(record.exc_info[2])[-8:]
            ]
        return msgspec.json.encode(told).decode()


def set_up(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Let everything that is logged in this process go to ``stream`` (standard error), as lines.

    Give ``log_config=None`` to uvicorn.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for chatty in ("uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
