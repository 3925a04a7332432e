"""How far the server's clock is from this machine's, so that times which nobody has told can be judged, too."""

import time
from datetime import datetime
from typing import NamedTuple

from toolkit.database import Cursor, Database, run_or_explain

SAMPLES = 3
# Clocks of a cluster's nodes may differ by so many seconds: CockroachDB's --max-offset, as it is by default.
BETWEEN_NODES = 0.5


class Sample(NamedTuple):
    """offset: the server's time, in seconds since 1970, less time.monotonic() here. doubt: by how much it may be off.
    ahead: the server's time less this machine's."""

    doubt: float
    offset: float
    ahead: float


class ServerClock:
    """What the server's clock told at the beginning of a run, and whenever it was asked again."""

    def __init__(self, database: Database) -> None:
        """Ask the server for its time. Raises UserError."""
        self._samples: list[Sample] = []
        self.ask(database)

    def ask(self, database: Database) -> None:
        """Ask again, for clocks drift and are set. Raises UserError."""

        def sample(cursor: Cursor) -> Sample:
            begin = time.monotonic()
            cursor.execute("SELECT clock_timestamp()")
            ((moment,),) = cursor.fetchall()
            end = time.monotonic()
            offset = moment.timestamp() - (begin + end) / 2
            return Sample((end - begin) / 2, offset, offset + end - time.time())

        self._samples.append(min(run_or_explain(database, sample) for _ in range(SAMPLES)))

    def could_be(self, moment: datetime, begin: float, end: float) -> bool:
        """Whether a time of the server can lie between two moments here, as time.monotonic() tells them."""
        doubt = max(sample.doubt for sample in self._samples) + BETWEEN_NODES
        offsets = [sample.offset for sample in self._samples]
        return begin + min(offsets) - doubt <= moment.timestamp() <= end + max(offsets) + doubt

    @property
    def text(self) -> str:
        """What is to be said of it."""
        latest = self._samples[-1]
        side = "ahead of" if latest.ahead > 0 else "behind"
        return (
            f"The server's clock is {abs(latest.ahead) * 1000:,.0f} ms {side} this machine's, give or take "
            f"{max(latest.doubt * 1000, 1):,.0f} ms; times are compared within that and {BETWEEN_NODES:g} s more"
        )
