"""Split SQL into tokens and statements, and tell what kind a statement is, without a server.

A semicolon ends a statement unless it is in a literal, a quoted name, a comment, parentheses, or the body of a function
(BEGIN ATOMIC ... END). These are the rules of psql (psqlscan.l). CockroachDB's literals differ from PostgreSQL's only
in text that is not valid for the other server.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# The kinds of tokens. A literal or name that is not closed ends with the text.
TOKEN = re.compile(
    r"""
    (?P<line_comment> --[^\n]* )
  | (?P<comment> /\* )
  | (?P<literal> (?<!\w) [eb] ' (?: [^'\\] | \\. | '' )* (?: ' | \Z )
      | ' (?: [^'] | '' )* (?: ' | \Z )
      | \$ (?P<tag> (?: [^\W\d]\w* )? ) \$ .*? (?: \$ (?P=tag) \$ | \Z ) )
  | (?P<quoted> " (?: [^"] | "" )* (?: " | \Z ) )
  | (?P<word> [^\W\d] [\w$]* )
  | (?P<number> (?<! \$) (?: \d [\d_]* (?: \. \d* )? | \. \d+ ) (?: e [+-]? \d+ )? )
  | (?P<sign> [^\s\w] )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)

# The first words of statements that begin or end a transaction.
TRANSACTION_CONTROL = re.compile(
    r"(?:ABORT|BEGIN|COMMIT|END|PREPARE TRANSACTION|ROLLBACK|START)\b|SET (?:SESSION |LOCAL )?AUTOCOMMIT_BEFORE_DDL\b",
    re.IGNORECASE,
).match
CREATES_RELATION = re.compile(r"CREATE (?:[A-Z]+ ){0,4}(?:TABLE|VIEW)\b", re.IGNORECASE).match
# Patterns that are seldom used are compiled when they are used: compiling takes longer than matching.
MATERIALIZED_VIEW = r'(?i)CREATE MATERIALIZED VIEW (?:IF NOT EXISTS )?("(?:[^"]|"")+"|\w+)'
ROUTINE = r"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b"

# A qualified name of a table, in a statement without comments and literals. Only in some statements a table follows the
# first ON; in a view ON may begin the condition of a join.
NAME = r'(?:ONLY\s+)?(?:"[^"]+"|\w+)\s*\.'
QUALIFIED = (
    rf"(?is)\b(?:TABLE|EXISTS|VIEW|REFERENCES|PARTITION\s+OF|INHERITS\s*\()\s+{NAME}"
    rf"|^CREATE\s+(?:\w+\s+){{0,2}}(?:INDEX|TRIGGER|POLICY)\b(?:(?!\sON\s).)*\sON\s+{NAME}"
)


class Token(NamedTuple):
    """A token. kind: "comment", "literal", "quoted" (a name), "word", "number" or "sign" (any other character).

    begin, end: its position in the text.
    """

    kind: str
    begin: int
    end: int
    text: str


class Statement(NamedTuple):
    """A statement. line: where it begins in the file, from 1. bare: its text without comments and literals."""

    line: int
    text: str
    bare: str

    @property
    def transaction_control(self) -> str | None:
        """The first words of the statement if it begins or ends a transaction; else None."""
        found = TRANSACTION_CONTROL(" ".join(self.bare.split()))
        return found[0] if found else None

    @property
    def beginning(self) -> str:
        """The beginning of the statement for a message, without its literals, which may be passwords."""
        masked, end = "", 0
        for token in tokens(self.text):
            if token.kind == "literal":
                masked += self.text[end : token.begin] + "'...'"
                end = token.end
        return (masked + self.text[end:]).partition("\n")[0][:70].rstrip()

    @property
    def materialized_view(self) -> str | None:
        """The name of the materialized view that the statement creates; None if it creates none."""
        found = re.match(MATERIALIZED_VIEW, " ".join(self.bare.split()))
        if not found:
            return None
        return found[1][1:-1].replace('""', '"') if found[1].startswith('"') else found[1].lower()

    @property
    def creates_relation(self) -> bool:
        """Whether the statement creates a table or a view."""
        return CREATES_RELATION(" ".join(self.bare.split())) is not None

    @property
    def is_drop(self) -> bool:
        """Whether the statement drops something."""
        return self.bare.upper().startswith("DROP ")

    @property
    def qualifies_names(self) -> bool:
        """Whether the statement names a table with its schema."""
        return re.search(QUALIFIED, self.bare) is not None


def split(text: str) -> list[Statement]:
    """Return the statements of a text, in their order."""
    statements = []
    start = None  # of the statement, once it has begun
    bare: list[str] = []
    parentheses = bodies = 0
    for kind, begin, _, piece in tokens(text):
        if piece == ";" and not parentheses and not bodies:
            if start is not None:
                statements.append(_statement(text, start, begin, bare))
            start, bare = None, []
            continue
        if kind == "comment":
            continue
        start = begin if start is None else start
        bare.append("''" if kind == "literal" else piece)
        parentheses = max(0, parentheses + (piece == "(") - (piece == ")"))
        if kind == "word" and not parentheses:
            bodies = max(0, bodies + _opens(piece.upper(), bodies, bare))
    if start is not None:
        statements.append(_statement(text, start, len(text), bare))
    return statements


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, in their order, without whitespace."""
    position = 0
    while found := TOKEN.search(text, position):
        kind, begin, position = str(found.lastgroup), found.start(), found.end()
        if kind == "comment":
            position = _end_of_comment(text, position)
        yield Token(kind.removeprefix("line_"), begin, position, text[begin:position])


def _end_of_comment(text: str, position: int) -> int:
    """Return the end of the comment that is open at a position. Comments can be nested."""
    depth = 1
    for found in re.compile(r"/\*|\*/").finditer(text, position):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end()
    return len(text)


def _opens(word: str, bodies: int, bare: list[str]) -> int:
    """Return 1 if a word opens the body of a function, or a CASE in it; -1 for END; else 0."""
    if word == "BEGIN" or (word == "CASE" and bodies):
        return int(re.match(ROUTINE, " ".join(bare[:4]).upper()) is not None)
    return -1 if word == "END" else 0


def _statement(text: str, begin: int, end: int, bare: list[str]) -> Statement:
    return Statement(1 + text.count("\n", 0, begin), text[begin:end].rstrip(), " ".join(bare))
