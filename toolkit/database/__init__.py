"""From a URL to a connection, or the reason why there is none; the retrying transaction; the catalog.

What programs import from here: `from toolkit.database import Database, database_url, run_transaction`, and the errors
AmbiguousCommit, DatabaseUnreachable and RetriesExhausted, all of which are a toolkit.console.UserError.
"""

from toolkit.database.connection import Cursor
from toolkit.database.connection_pool import Database
from toolkit.database.interruptible import run_interruptible
from toolkit.database.server_errors import explained, run_or_explain
from toolkit.database.target import DatabaseMissing, DatabaseUnreachable
from toolkit.database.transaction import (
    IDEMPOTENT,
    READ_ONLY,
    SINGLE_READ,
    SINGLE_WRITE,
    AmbiguousCommit,
    RetriesExhausted,
    TransactionOptions,
    run_transaction,
)
from toolkit.database.url import database_url

__all__ = [
    "IDEMPOTENT",
    "READ_ONLY",
    "SINGLE_READ",
    "SINGLE_WRITE",
    "AmbiguousCommit",
    "Cursor",
    "Database",
    "DatabaseMissing",
    "DatabaseUnreachable",
    "RetriesExhausted",
    "TransactionOptions",
    "database_url",
    "explained",
    "run_interruptible",
    "run_or_explain",
    "run_transaction",
]
