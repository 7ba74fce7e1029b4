"""One JSON object a line on standard error: time, level, logger, and the record's own fields or text."""

import json
import logging
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """Formats records; fields come from `extra={"fields": {…}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line. Of an exception only the type is told: its text may quote data."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **getattr(record, "fields", {"message": record.getMessage()}),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Send every logger of the process there, and silence what would tell calls twice."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("httpx", "mcp"):
        logging.getLogger(name).setLevel(logging.WARNING)
