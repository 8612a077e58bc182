"""Logging of the command-line programs: one line for each event, to standard error."""

import logging
import os
import sys

LOG_LEVELS = ("debug", "info", "warning", "error")

_PLAIN = "%(levelname)s %(name)s: %(message)s"
_DATED = "%(asctime)s " + _PLAIN


def configure_logging(level: str) -> None:
    """Send records of at least `level` to standard error; without a date where the journal adds one.

    To be called before gRPC is used, which would write a line of its own for each stranger that knocks.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_PLAIN if "JOURNAL_STREAM" in os.environ else _DATED))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
