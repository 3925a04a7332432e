"""CockroachDB as the local server: the `cockroach` on the PATH, as a single insecure node on loopback."""

import signal
import urllib.parse

from toolkit.local.server import DATABASE, Server


class CockroachDB(Server):
    """See Server. It takes a free port at every start, and writes its URL to the file `url` of its home."""

    title = "CockroachDB"
    folder = "cockroach"
    pid_file = "pid"
    stop_signal = signal.SIGTERM  # drains, then ends
    root_allowed = True

    def prepare(self, lock: int) -> None:  # noqa: ARG002 - no program is run
        for name in ("url", "pid"):  # of an earlier run
            (self.home / name).unlink(missing_ok=True)

    def command(self) -> list[str]:
        # The paths are relative to the home because --store gives commas and equals signs a meaning.
        options = ["--insecure", "--listen-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--store=data"]
        return ["cockroach", "start-single-node", *options, "--listening-url-file=url", "--pid-file=pid"]

    def url(self) -> str:
        listening = urllib.parse.urlsplit((self.home / "url").read_text().strip())
        if not listening.query:  # it comes last: the file is still being written
            raise ValueError("no URL yet")
        return listening._replace(path=f"/{DATABASE}").geturl()
