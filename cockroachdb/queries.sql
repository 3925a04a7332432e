-- needs: CockroachDB v20.2
--
-- Queries that only CockroachDB knows, from v20.2 to the newest version; those of later versions stand in files of
-- their own, so that `cockroach sql < cockroachdb/queries.sql` runs to its end on all. Their form is that of
-- ../queries.sql. Each names the page that explains it in https://www.cockroachlabs.com/docs/stable/.


-- The past

-- name: as_of_system_time
-- What the database held a while ago. It needs no backup within the garbage collection window (a day or less), and such
-- a read waits for nobody. See as-of-system-time.
SELECT count(*) AS viewings, max(watched_at) AS latest
FROM watch_history
AS OF SYSTEM TIME '-10s' /* :ago */;

-- name: cluster_time
-- The time of this transaction as the cluster orders transactions: the later one has the greater number, on whatever
-- node. It is what AS OF SYSTEM TIME takes, too. See functions-and-operators.
SELECT cluster_logical_timestamp();


-- Where the data lies

-- name: ranges_of_table
-- The ranges that a table is cut into, with the nodes that hold a replica of each; only an admin sees them, or from
-- v22.1 on who has ZONECONFIG. See show-ranges.
SHOW RANGES FROM TABLE watch_history;

-- name: ranges_of_index
-- The ranges of one index: each index is spread over the cluster by itself. See show-ranges.
SHOW RANGES FROM INDEX watch_history@watch_history_user_id_idx;

-- name: ranges_of_writes
-- The ranges of the index on times: new viewings all go to the last one, or to each once hash_sharded_indexes.sql has
-- sharded it. `lease_holder`, which from v23.1 on is shown WITH DETAILS, is the node that does the work. See
-- show-ranges.
SHOW RANGES FROM INDEX watch_history@watch_history_watched_at_idx;

-- name: range_of_row
-- The range in which one row lies. See show-range-for-row.
SHOW RANGE FROM TABLE users FOR ROW (1 /* :user_id */);

-- name: replication_of_table
-- How many replicas a table has, and for how long old values are kept for AS OF SYSTEM TIME (gc.ttlseconds). See
-- show-zone-configurations.
SHOW ZONE CONFIGURATION FROM TABLE watch_history;


-- How a query is run

-- name: plan
-- The plan of a query: `spans` says which part of which index is read, FULL SCAN that it is all of it. See explain.
EXPLAIN SELECT content_id, progress FROM watch_history WHERE user_id = 2 /* :user_id */;

-- name: plan_with_columns
-- The same with the columns of each step and the order of their rows. See explain.
EXPLAIN (VERBOSE) SELECT content_id, progress FROM watch_history WHERE user_id = 2 /* :user_id */;

-- name: plan_with_costs
-- The same as the optimizer sees it, with the costs and the rows that it expects. See explain.
EXPLAIN (OPT, VERBOSE) SELECT content_id, progress FROM watch_history WHERE user_id = 2 /* :user_id */;

-- name: plan_of_period
-- How what is asked about a period is spread over the nodes: `spans` has a part of the index on times, or one of each
-- of its places where that is sharded; `distribution: full` is where several nodes work on it. See explain.
EXPLAIN (DISTSQL) SELECT content_id, count(*) FROM watch_history
WHERE watched_at >= '2024-06-01 00:00Z' /* :since */ AND watched_at < '2024-07-01 00:00Z' /* :until */
GROUP BY content_id;

-- name: plan_measured
-- The query is run, and the plan is shown with the rows and the time of each step (v20.2: with a link to a picture of
-- it). See explain-analyze.
EXPLAIN ANALYZE SELECT content_id, count(*) FROM watch_history GROUP BY content_id;

-- name: statistics
-- What the optimizer knows of a table: rows and distinct values of each column, and since when. See show-statistics.
SHOW STATISTICS FOR TABLE watch_history;

-- name: make_statistics
-- Count a table anew, when a large load is too fresh for the automatic statistics. See create-statistics.
CREATE STATISTICS after_the_load FROM watch_history;

-- name: indexes
-- The columns of each index of a table; `storing` are those of INCLUDE, `implicit` those of the primary key that every
-- index carries. See show-index.
SHOW INDEXES FROM watch_history;


-- Who is at work, and who waits

-- name: sessions
-- Who is connected to which node. See show-sessions.
SELECT node_id, user_name, client_address, application_name, active_queries
FROM [SHOW CLUSTER SESSIONS]
ORDER BY node_id, application_name, client_address;

-- name: running_statements
-- The statements that run at this moment, the longest-running first; CANCEL QUERY ends one. See show-statements.
SELECT query_id, node_id, user_name, start, application_name, query
FROM [SHOW CLUSTER QUERIES]
ORDER BY start, query_id;

-- name: jobs
-- What the cluster does in the background: schema changes, statistics, backups. See show-jobs.
SELECT job_id, job_type, status, fraction_completed, description
FROM [SHOW JOBS]
ORDER BY created DESC, job_id
LIMIT 10 /* :limit */;
