"""Read text files that people write: UTF-8, with or without a byte order mark."""

from pathlib import Path

from toolkit.console import UserError


def read_text(file: Path, what: str = "") -> str:
    """Return the text of a file. what: comes before its name in error messages: "the schema file ".

    Raises UserError if the file cannot be read, or is not text in UTF-8.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{what}{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{what}{file} is not text in UTF-8: byte {error.start + 1}") from error
    except ValueError as error:  # a NUL in its name
        raise UserError(f"{what}{file} cannot be read: {error}") from error
    if "\0" in text:
        raise UserError(f"{what}{file} is not text in UTF-8: it holds a NUL")
    return text
