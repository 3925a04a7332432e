"""What is run, and where: the first line of a run's JSON, and the head of its page."""

import math
from datetime import datetime, timezone
from typing import Any

from simulation.traffic.audience import Audience
from simulation.traffic.operations import MIX
from simulation.traffic.options import Options
from toolkit.database import Cursor, Database, run_or_explain


def facts_of(database: Database, audience: Audience, options: Options) -> dict[str, Any]:
    """Return what a run is, by the names that its JSON has for it. Raises UserError.

    isolation: at which the server runs a transaction that was begun as the run's are, whatever was asked for.
    """

    def ask(cursor: Cursor, question: str) -> str:
        cursor.execute(question)
        return str(cursor.fetchall()[0][0])

    # CockroachDB CCL v21.1.2 (x86_64-...), PostgreSQL 18.4 on x86_64-...
    server = (
        run_or_explain(database, lambda cursor: ask(cursor, "SELECT version()")).partition(" (")[0].partition(" on ")[0]
    )
    return {
        "started": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "server": server,
        "host": database.target.host,
        "database": database.target.database,
        "users": len(audience.users),
        "titles": len(audience.titles),
        "duration": None if math.isinf(options.duration) else options.duration,
        "max_ops": options.max_ops,
        "warm_up": options.warm_up,
        "concurrency": options.concurrency,
        "processes": options.processes,
        "rate": options.rate,
        "isolation": run_or_explain(database, lambda cursor: ask(cursor, "SHOW transaction_isolation")),
        "mix": None if options.mix == MIX else options.mix,
        "clock": options.clock,
        "seed": options.seed,
    }
