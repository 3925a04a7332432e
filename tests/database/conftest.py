"""What the tests of connections share."""

from guarded_server import plain, server

__all__ = ["plain", "server"]
