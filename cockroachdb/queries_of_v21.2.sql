-- needs: CockroachDB v21.2
--
-- Queries that CockroachDB knows from v21.2 on, in the form of queries.sql.


-- Who waits for whom

-- name: contended_tables
-- The tables on which transactions had to wait for others, and how often. See crdb-internal.
SELECT database_name, schema_name, table_name, num_contention_events
FROM crdb_internal.cluster_contended_tables
ORDER BY num_contention_events DESC, database_name, schema_name, table_name
LIMIT 10 /* :limit */;

-- name: contended_indexes
-- The same by index: it shows where the keys are that everybody writes. See crdb-internal.
SELECT database_name, table_name, index_name, num_contention_events
FROM crdb_internal.cluster_contended_indexes
ORDER BY num_contention_events DESC, database_name, table_name, index_name
LIMIT 10 /* :limit */;
