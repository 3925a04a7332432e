-- Keys that are text, dates and pairs, a table that refers to itself, sequences, and columns of many types.
CREATE TYPE grade AS ENUM ('junior', 'senior', 'it''s complicated', '100%');

CREATE SEQUENCE employee_numbers;

CREATE TABLE departments (
    code VARCHAR(6) NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    founded DATE NOT NULL,
    address INET,
    open_days BOOL[] NOT NULL DEFAULT ARRAY[true, true]
);

CREATE TABLE employees (
    employee_id INT8 NOT NULL PRIMARY KEY DEFAULT nextval('employee_numbers'),
    name TEXT NOT NULL,
    manager_id INT8 REFERENCES employees (employee_id),
    mentor_id INT8 REFERENCES employees (employee_id),
    department VARCHAR(6) REFERENCES departments (code),
    initials CHAR(3),
    grade grade NOT NULL DEFAULT 'junior',
    floor INT2,
    desk INT4,
    share FLOAT4,
    precise_share FLOAT8,
    salary DECIMAL(12, 2) NOT NULL DEFAULT 1000.50,
    hired_at TIMESTAMP(3) NOT NULL,
    seen_at TIMESTAMPTZ,
    starts TIME,
    notice INTERVAL,
    badge BYTEA,
    badge_id UUID,
    languages TEXT[],
    lucky_numbers INT8[] NOT NULL DEFAULT ARRAY[]::INT8[],
    profile JSONB NOT NULL DEFAULT '{"theme": "dark"}'
);

CREATE TABLE holidays (
    day DATE NOT NULL,
    region TEXT NOT NULL,
    name TEXT,
    PRIMARY KEY (day, region)
);

CREATE TABLE shifts (
    employee_id INT8 NOT NULL REFERENCES employees (employee_id),
    day DATE NOT NULL,
    region TEXT NOT NULL,
    hours DECIMAL NOT NULL,
    PRIMARY KEY (day, employee_id),
    FOREIGN KEY (day, region) REFERENCES holidays (day, region)
);

-- Nothing but a key.
CREATE TABLE speakers (
    employee_id INT8 NOT NULL REFERENCES employees (employee_id),
    language TEXT NOT NULL,
    PRIMARY KEY (employee_id, language)
);
