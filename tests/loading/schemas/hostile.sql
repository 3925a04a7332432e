-- Names that break whatever does not quote them: reserved, mixed-case, with quotes, percent signs, spaces and more.
CREATE TYPE "Mood %s" AS ENUM ('NULL', '%', 'a"b');

CREATE TABLE users (
    user_id INT8 NOT NULL PRIMARY KEY,
    "user" TEXT
);

CREATE TABLE "users""; DROP TABLE users; --" (
    "select" TEXT NOT NULL PRIMARY KEY,
    "100%" INT8,
    "%s" TEXT,
    "%(name)s" TEXT,
    "a""b" TEXT,
    "it's" TEXT,
    "back\slash" TEXT,
    "Größe 😀" TEXT,
    " " TEXT,
    "mood" "Mood %s",
    "moods" "Mood %s"[],
    CONSTRAINT "not ""%s""" CHECK ("%s" <> 'bad'),
    CONSTRAINT "one 100%" UNIQUE ("100%")
);

CREATE TABLE "Order" (
    "Group" INT8 NOT NULL,
    "from" DATE NOT NULL,
    "FROM" TEXT,
    "users""; DROP TABLE users; --" TEXT REFERENCES "users""; DROP TABLE users; --" ("select"),
    PRIMARY KEY ("Group", "from")
);

CREATE TABLE "order" (
    "from" DATE NOT NULL,
    "group" INT8 NOT NULL,
    "where" TEXT,
    PRIMARY KEY ("where"),
    FOREIGN KEY ("group", "from") REFERENCES "Order" ("Group", "from")
);

CREATE SEQUENCE "100%s of ""it""";

CREATE TABLE "100%" (
    "%d" INT8 NOT NULL PRIMARY KEY DEFAULT nextval('"100%s of ""it"""'),
    "%%" INT8 REFERENCES "100%" ("%d")
);

-- What the loader's own statements call things.
CREATE TABLE fixture (c0 INT8 NOT NULL PRIMARY KEY, number INT8, there INT8);
CREATE TABLE excluded (excluded INT8 NOT NULL PRIMARY KEY, fixture INT8 REFERENCES fixture (c0));
CREATE TABLE parent (number INT8 NOT NULL PRIMARY KEY, parent INT8 REFERENCES parent (number));
CREATE TABLE there (there INT8 NOT NULL PRIMARY KEY, c1 TEXT);
