"""A server's logs: one JSON object a line, without personal data; requests are not logged.

A line has the constant part of its message, :data:`FIELDS`, an exception's kind and places, never its text (names).
"""

import logging
import sys
from traceback import extract_tb
from typing import Final, TextIO

from pythonjsonlogger.msgspec import MsgspecFormatter

FIELDS: Final = ("kind", "entries", "moments", "reason", "attempt", "status")  # what is written of a record


class JsonLines(MsgspecFormatter):
    """A record as one line of JSON, without what could be about a person."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger"}
        super().__init__(["levelname", "name", "message"], rename_fields=names, timestamp="at")

    def format(self, record: logging.LogRecord) -> str:
        r"""The line.

        >>> record = logging.LogRecord("visavis", logging.ERROR, "", 0, "%s was lost\nfor ever", ("camille",), None)
        >>> record.kind, record.customer, record.created = "entered", "camille", 0.0
        >>> JsonLines().format(record)
        '{"level":"ERROR","logger":"visavis","message":"%s was lost","kind":"entered","at":"1970-01-01T00:00:00Z"}'
        """
        return super().format(anonymous(record))


def anonymous(record: logging.LogRecord) -> logging.LogRecord:
    """A record of the same event with the constant part of its message and the fields that may be written, only."""
    message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    kept: dict[str, object] = {name: getattr(record, name) for name in ("name", "levelname", "created")}
    kept["msg"] = message.strip().partition("\n")[0]
    kept |= {name: value for name in FIELDS if isinstance(value := getattr(record, name, None), str | int | float)}
    if record.exc_info and record.exc_info[0] is not None:
        kept["error"] = record.exc_info[0].__name__
        frames = extract_tb(record.exc_info[2])[-8:]
        kept["at_code"] = [f"{one.filename.rpartition('/')[2]}:{one.lineno} {one.name}" for one in frames]
    return logging.makeLogRecord(kept)


def set_up(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Write this process's logs to ``stream`` (standard error) as lines of JSON; uvicorn gets ``log_config=None``."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for chatty in ("uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
