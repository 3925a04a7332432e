"""What a fixture file or a pipe holds, as bytes of UTF-8: gzip is unpacked and UTF-16 is decoded on the way.

Whether it is packed, and how its text is encoded, is seen from its first bytes, whatever its name says.
"""

import codecs
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from select import select
from typing import IO, Any, cast

from toolkit.console import UserError

GZIP = b"\x1f\x8b"
# First bytes of what is not unpacked here -> the program that does it.
PACKED = {b"PK\x03\x04": "unzip -p", b"BZh": "bzip2 -dc", b"\xfd7zXZ\0": "xz -dc", b"\x28\xb5\x2f\xfd": "zstd -dc"}
# The longer marks first: that of UTF-32 begins with that of UTF-16. The codecs take the mark away. That of UTF-8, which
# may come again and again where files were joined, is taken for a space by those who read JSON.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
PIECE = 65_536  # bytes
KEPT_IN_MEMORY = 8_000_000  # bytes of a pipe; more is kept in a temporary file
POLL_SECONDS = 0.2


def do_nothing() -> None:
    """Wait on: see InputStream.opened()."""


class InputStream:
    """The bytes of a file, or of a pipe, which can be read once only.

    name: for messages. open_raw: opens it; a pipe without a buffer. Of a pipe everything is kept that has been read, so
    that it can be read from the beginning again, until it is opened for the last time.
    """

    def __init__(self, name: str, open_raw: Callable[[], IO[bytes]], *, is_pipe: bool) -> None:
        self.name = name
        self._open_raw = open_raw
        self._pipe = _Pipe(open_raw) if is_pipe else None
        self._layers: list[Callable[[IO[bytes]], IO[bytes]]] | None = None
        self._raw: IO[bytes] | None = None

    @contextmanager
    def opened(self, *, last: bool = False, while_waiting: Callable[[], None] = do_nothing) -> Iterator[IO[bytes]]:
        """Open it at its beginning.

        last: it will not be opened again. while_waiting: called now and then while a pipe is silent; what it raises
        ends the reading.

        A missing right, a failing disk, a damaged .gz or what is no UTF-16 in spite of its mark becomes a UserError.
        """
        try:
            with ExitStack() as stack:
                if self._layers is None:
                    self._layers = self._find_layers()
                stream = stack.enter_context(self._begin(last=last, while_waiting=while_waiting))
                self._raw = stream if last else None
                for layer in self._layers:
                    stream = stack.enter_context(layer(stream))
                yield stream
        except (OSError, EOFError, zlib.error, UnicodeError) as error:
            raise UserError(f"{self.name} cannot be read: {_reason(error)}") from error

    def fraction_read(self) -> float:
        """Return how much of it has been read for the last time, from 0 to 1; of a pipe 0 until its end."""
        if self._raw is None:
            return 0.0
        if self._raw.closed:
            return 1.0
        return 0.0 if self._pipe else self._raw.tell() / max(1, os.fstat(self._raw.fileno()).st_size)

    def _begin(self, *, last: bool = False, while_waiting: Callable[[], None] = do_nothing) -> IO[bytes]:
        return self._pipe.begin(keep=not last, while_waiting=while_waiting) if self._pipe else self._open_raw()

    def _find_layers(self) -> list[Callable[[IO[bytes]], IO[bytes]]]:
        """Return what makes UTF-8 of the bytes, one layer over the other."""
        layers: list[Callable[[IO[bytes]], IO[bytes]]] = []
        with ExitStack() as stack:
            stream = stack.enter_context(self._begin())
            head = stream.read(8)
            for magic, program in PACKED.items():
                if head.startswith(magic):
                    raise UserError(
                        f"{self.name} is compressed: only gzip is unpacked here; give it unpacked, or through a pipe: "
                        f"{program} FILE | ... --table NAME -"
                    )
            if head.startswith(GZIP):
                layers.append(_unzipped)
                head = _unzipped(stack.enter_context(self._begin())).read(8)
        for mark, encoding in MARKS.items():
            if head.startswith(mark):
                layers.append(partial(_decoded, encoding))
                break
        return layers


def file_stream(path: Path) -> InputStream:
    """Return what a file holds, or a named pipe. Raises OSError if it is not there."""
    is_pipe = not path.is_file()
    return InputStream(str(path), lambda: path.open("rb", 0 if is_pipe else -1), is_pipe=is_pipe)


def standard_input() -> InputStream:
    """Return what comes on standard input."""
    name = "standard input"
    if sys.stdin is None:
        raise UserError(f"{name} is closed")
    # Not sys.stdin.buffer: Python aborts at its end if another thread is still waiting for that.
    return InputStream(name, lambda: open(sys.stdin.fileno(), "rb", 0, closefd=False), is_pipe=True)


def _unzipped(stream: IO[bytes]) -> IO[bytes]:
    import gzip  # 1 ms, and seldom needed

    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))


def _decoded(encoding: str, stream: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", io.BufferedReader(_Recoded(stream, encoding), PIECE))


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return f"it begins as {getattr(error, 'encoding', 'UTF-16')}, and goes on as something else"
    return getattr(error, "strerror", None) or str(error)


class _Pipe:
    """A stream that can be read once only, and what has been read of it."""

    def __init__(self, open_stream: Callable[[], IO[bytes]]) -> None:
        from tempfile import SpooledTemporaryFile  # 3 ms, and not needed for files

        self._open = open_stream
        self._stream: IO[bytes] | None = None
        self._kept: IO[bytes] = cast("IO[bytes]", SpooledTemporaryFile(KEPT_IN_MEMORY))  # noqa: SIM115 - _read() closes it

    def begin(self, *, keep: bool, while_waiting: Callable[[], None]) -> IO[bytes]:
        """Return a stream that begins with what has been read before. keep: it can be asked for again.

        while_waiting: as in InputStream.opened().
        """
        self._kept.seek(0)
        return cast(
            "IO[bytes]",
            io.BufferedReader(_Replayed(partial(self._read, keep=keep, while_waiting=while_waiting)), PIECE),
        )

    def _read(self, most: int, *, keep: bool, while_waiting: Callable[[], None]) -> bytes:
        """Return some bytes, at most so many; none at the end."""
        if not self._kept.closed:
            data = self._kept.read(most)
            if data:
                return data
            if not keep:
                self._kept.close()
        self._stream = self._stream or self._open()
        while _is_silent(self._stream):  # so that one that does not block, as some senders make it, has not ended
            while_waiting()
        data = self._stream.read(most)
        if keep:
            self._kept.write(data)
        return data


def _is_silent(stream: IO[bytes]) -> bool:
    """Whether there is nothing to read for a moment, nor an end. (Windows can tell this of sockets only.)"""
    return os.name == "posix" and not select([stream], [], [], POLL_SECONDS)[0]


class _Replayed(io.RawIOBase):
    """A _Pipe as a stream. read: returns some bytes of it, at most so many."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Recoded(io.RawIOBase):
    """A stream of another encoding as one of UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._decoded = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._decoded:
            data = self._stream.read(PIECE)
            self._decoded = self._decoder.decode(data, final=not data).encode()
            if not data:
                break
        data, self._decoded = self._decoded[: len(buffer)], self._decoded[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)
