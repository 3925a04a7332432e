"""What the tests of scripts share."""

from guarded_server import plain, server

__all__ = ["plain", "server"]
