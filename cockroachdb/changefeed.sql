-- needs: CockroachDB v20.2
--
-- Streams the payments to the shell: those that are there, then each new one as it is committed, until Ctrl-C.
--
--     cockroach sql --format=csv --url "$DATABASE_URL" < cockroachdb/changefeed.sql
--
-- A line is the table, the row's key and the row, as JSON. Without `--format=csv` the shell would wait for the end,
-- which never comes, before it shows a line. This is the core form, which needs no licence but a build with
-- CockroachDB's own parts (every one that can be downloaded). It is no job: with the shell it is gone.
-- changefeed_sinks.sql sends them to where programs are. May be run again; changefeed_undo.sql takes the setting back.
-- See https://www.cockroachlabs.com/docs/stable/changefeed-for

-- For the whole cluster: without it nobody is told of changes.
SET CLUSTER SETTING kv.rangefeed.enabled = true;

-- A line without a row says every ten seconds up to when all is told.
EXPERIMENTAL CHANGEFEED FOR payment_history WITH updated, resolved = '10s';
