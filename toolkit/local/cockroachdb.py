"""CockroachDB as the local server: the `cockroach` on the PATH, as a single insecure node on loopback."""

import signal
import urllib.parse

from toolkit.local.server import DATABASE, Server


class CockroachDB(Server):
    """See Server. It takes a free port at every start, and writes its URL to the file `url` in its directory."""

    title = "CockroachDB"
    directory_name = "cockroach"
    pid_file = "pid"
    stop_signal = signal.SIGTERM  # drains, then ends
    root_allowed = True

    def prepare(self, lock: int) -> None:  # noqa: ARG002 - no program is run
        for name in ("url", "pid"):  # of an earlier run
            (self.directory / name).unlink(missing_ok=True)

    def command(self) -> list[str]:
        # Relative paths, because commas and equals signs have a meaning in --store.
        options = ["--insecure", "--listen-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--store=data"]
        return ["cockroach", "start-single-node", *options, "--listening-url-file=url", "--pid-file=pid"]

    def url(self) -> str:
        listening = urllib.parse.urlsplit((self.directory / "url").read_text().strip())
        if not listening.query:  # the query comes last in the file, which is still being written
            raise ValueError("no URL yet")
        return listening._replace(path=f"/{DATABASE}").geturl()
