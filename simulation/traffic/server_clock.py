"""How far the server's clock is from this machine's, so that times which the server wrote can be checked."""

import time
from datetime import datetime
from typing import NamedTuple

from toolkit.database import Cursor, Database, run_or_explain

SAMPLES = 3
# How many seconds the clocks of a cluster's nodes may differ: the default of CockroachDB's --max-offset.
BETWEEN_NODES = 0.5


class Sample(NamedTuple):
    """One reading of the server's clock, in seconds.

    offset: the server's time since 1970 minus time.monotonic() here. doubt: by how much that may be wrong. ahead: the
    server's time minus this machine's.
    """

    doubt: float
    offset: float
    ahead: float


class ServerClock:
    """Readings of the server's clock, at the beginning of a run and later."""

    def __init__(self, database: Database) -> None:
        """Read the server's clock. Raises UserError."""
        self._samples: list[Sample] = []
        self.ask(database)

    def ask(self, database: Database) -> None:
        """Read the clock again, because clocks drift and are set. Raises UserError."""

        def sample(cursor: Cursor) -> Sample:
            begin = time.monotonic()
            cursor.execute("SELECT clock_timestamp()")
            ((moment,),) = cursor.fetchall()
            end = time.monotonic()
            offset = moment.timestamp() - (begin + end) / 2
            return Sample((end - begin) / 2, offset, offset + end - time.time())

        self._samples.append(min(run_or_explain(database, sample) for _ in range(SAMPLES)))

    def could_be(self, moment: datetime, begin: float, end: float) -> bool:
        """Whether a time of the server can lie between two moments here (time.monotonic())."""
        doubt = max(sample.doubt for sample in self._samples) + BETWEEN_NODES
        offsets = [sample.offset for sample in self._samples]
        return begin + min(offsets) - doubt <= moment.timestamp() <= end + max(offsets) + doubt

    @property
    def text(self) -> str:
        """The latest reading, as a sentence for a person."""
        latest = self._samples[-1]
        side = "ahead of" if latest.ahead > 0 else "behind"
        return (
            f"The server's clock is {abs(latest.ahead) * 1000:,.0f} ms {side} this machine's, give or take "
            f"{max(latest.doubt * 1000, 1):,.0f} ms; times are compared within that and {BETWEEN_NODES:g} s more"
        )
