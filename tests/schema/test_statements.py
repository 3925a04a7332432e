"""A schema file divided into its statements, before any server sees it."""

import pytest

from toolkit.sql_statements import split

# A text, and its statements.
TEXTS: list[tuple[str, list[str]]] = [
    ("", []),
    (" ; ;; -- nothing\n/* at; all */ ;", []),
    ("SELECT 1", ["SELECT 1"]),
    ("SELECT 1;;SELECT 2 ;\n", ["SELECT 1", "SELECT 2"]),
    ("CREATE TABLE u (begin int); COMMIT; CREATE TABLE v (a int)",
     ["CREATE TABLE u (begin int)", "COMMIT", "CREATE TABLE v (a int)"]),
    ("CREATE TABLE u (a int, begin int, end int, case_ int);COMMIT",
     ["CREATE TABLE u (a int, begin int, end int, case_ int)", "COMMIT"]),
    ('CREATE TABLE "begin;" (a int); COMMIT', ['CREATE TABLE "begin;" (a int)', "COMMIT"]),
    ("CREATE TABLE begin (a int); COMMIT", ["CREATE TABLE begin (a int)", "COMMIT"]),
    ("ALTER TABLE t ADD COLUMN declare int; COMMIT", ["ALTER TABLE t ADD COLUMN declare int", "COMMIT"]),
    ("CREATE VIEW v AS SELECT 1 AS begin; COMMIT", ["CREATE VIEW v AS SELECT 1 AS begin", "COMMIT"]),
    ("CREATE TRIGGER begin BEFORE INSERT ON t EXECUTE FUNCTION f(); COMMIT",
     ["CREATE TRIGGER begin BEFORE INSERT ON t EXECUTE FUNCTION f()", "COMMIT"]),
    ("SELECT 'it''s; COMMIT;'; COMMIT", ["SELECT 'it''s; COMMIT;'", "COMMIT"]),
    (r"SELECT 'a\'; COMMIT", [r"SELECT 'a\'", "COMMIT"]),
    (r"SELECT E'a\'; COMMIT;', e'\\', 'x'; COMMIT", [r"SELECT E'a\'; COMMIT;', e'\\', 'x'", "COMMIT"]),
    (r"SELECT b'a\';', 1; COMMIT", [r"SELECT b'a\';', 1", "COMMIT"]),
    (r"SELECT date'a\'; COMMIT", [r"SELECT date'a\'", "COMMIT"]),
    (r'SELECT U&"a\";COMMIT', [r'SELECT U&"a\"', "COMMIT"]),
    ("SELECT $$ ; COMMIT; $$; COMMIT", ["SELECT $$ ; COMMIT; $$", "COMMIT"]),
    ("SELECT $a$ ; $b$ $$ $a$, $1; COMMIT", ["SELECT $a$ ; $b$ $$ $a$, $1", "COMMIT"]),
    ("SELECT a$b$, 1; SELECT c$b$ FROM t", ["SELECT a$b$, 1", "SELECT c$b$ FROM t"]),
    ("SELECT 1 -- one; two\n + 2; -- three;\nCOMMIT", ["SELECT 1 -- one; two\n + 2", "COMMIT"]),
    ("SELECT 1 /* ; /* ; */ ; */ + 2; /* COMMIT; */ SELECT 3", ["SELECT 1 /* ; /* ; */ ; */ + 2", "SELECT 3"]),
    ("/* a -- */ SELECT '/*'; SELECT '*/'", ["SELECT '/*'", "SELECT '*/'"]),
    ("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); COMMIT",
     ["CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)", "COMMIT"]),
    ("create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end; COMMIT",
     ["create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end",
      "COMMIT"]),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2'; COMMIT",
     ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2'", "COMMIT"]),
    ("CREATE FUNCTION f(begin int) RETURNS int RETURN 1; COMMIT",
     ["CREATE FUNCTION f(begin int) RETURNS int RETURN 1", "COMMIT"]),
    ("SELECT 'not closed; COMMIT", ["SELECT 'not closed; COMMIT"]),
    ("SELECT $$ not closed; COMMIT", ["SELECT $$ not closed; COMMIT"]),
    ("SELECT 1 /* not closed; COMMIT", ["SELECT 1 /* not closed; COMMIT"]),
    ("SELECT (1; COMMIT", ["SELECT (1; COMMIT"]),
    ("SELECT 1); COMMIT", ["SELECT 1)", "COMMIT"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "statements"), TEXTS)
def test_statements(text: str, statements: list[str]) -> None:
    assert [statement.text for statement in split(text)] == statements


def test_lines() -> None:
    text = "-- one\n\nSELECT\n 1;\n/* a\n b */ SELECT '\n';\r\nSELECT 3; SELECT 4"
    assert [statement.line for statement in split(text)] == [3, 6, 8, 8]


@pytest.mark.parametrize(
    "statement",
    [
        "BEGIN", "begin isolation level serializable", "START TRANSACTION", "COMMIT", "commit and chain", "END",
        "Abort", "ROLLBACK", "ROLLBACK TO SAVEPOINT a", "PREPARE /* a */ TRANSACTION 'a'", "COMMIT PREPARED 'a'",
        "SET autocommit_before_ddl = on", "SET SESSION autocommit_before_ddl TO true",
    ],
)  # fmt: skip
def test_transaction_control(statement: str) -> None:
    [found] = split(statement)
    assert found.transaction_control


@pytest.mark.parametrize(
    "statement",
    [
        "SAVEPOINT a", "PREPARE a AS SELECT 1", "SET search_path = a", "CREATE TABLE commit (begin int)", "BEGINNING",
        "SELECT 1 AS begin", "/* BEGIN */ SELECT 1", '"commit"',
    ],
)  # fmt: skip
def test_no_transaction_control(statement: str) -> None:
    [found] = split(statement)
    assert found.transaction_control is None


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("CREATE MATERIALIZED VIEW Big AS SELECT 1", "big"),
        ('create materialized /* a */ view if not exists "Big ""one""" as select 1', 'Big "one"'),
        ("CREATE VIEW big AS SELECT 'CREATE MATERIALIZED VIEW b'", None),
        ("REFRESH MATERIALIZED VIEW big", None),
    ],
)
def test_materialized_views(statement: str, name: str | None) -> None:
    [found] = split(statement)
    assert found.materialized_view == name


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.a (id int)", 'CREATE TABLE IF NOT EXISTS "public".a (id int)',
        "CREATE TABLE a . b (id int)",
        "CREATE TABLE a (id int REFERENCES public.b)", "CREATE UNIQUE INDEX IF NOT EXISTS i ON public.a (id)",
        "CREATE INDEX ON ONLY s.a (id)", "ALTER TABLE ONLY public.a ADD b int", "CREATE VIEW s.v AS SELECT 1",
        "CREATE OR REPLACE TRIGGER t BEFORE UPDATE ON s.a EXECUTE FUNCTION f()", "DROP TABLE IF EXISTS s.a",
        "CREATE TABLE a PARTITION OF s.b FOR VALUES IN (1)", "CREATE TABLE a () INHERITS (s.b)",
        "CREATE POLICY p ON s.a USING (true)",
    ],
)  # fmt: skip
def test_names_with_a_schema(statement: str) -> None:
    [found] = split(statement)
    assert found.qualifies_names


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE a (id int DEFAULT 'on public.x', b text CHECK (b <> 'TABLE a.b'))", "SELECT 1 -- TABLE a.b",
        "CREATE VIEW v AS SELECT a.x FROM a JOIN b ON b.id = a.id", "CREATE INDEX i ON a (id) WHERE a.id > 5",
        "CREATE VIEW v AS SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id)",
        "CREATE POLICY p ON a USING (EXISTS (SELECT 1 FROM b JOIN c ON c.id = b.id))", "COMMENT ON COLUMN a.b IS 'x'",
        "CREATE TABLE a (c public.mood)", "ALTER TABLE a ALTER b TYPE public.mood",
    ],
)  # fmt: skip
def test_names_without_a_schema(statement: str) -> None:
    [found] = split(statement)
    assert not found.qualifies_names
