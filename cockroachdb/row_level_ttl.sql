-- needs: CockroachDB v23.1
--
-- Lets the cluster delete viewings that are older than three years, each night, in small portions.
--
--     python streaming_services.py --schema cockroachdb/row_level_ttl.sql
--
-- Until they are deleted old viewings are still shown; a query that must not show them says so in its WHERE. Payments
-- and reviews stay. The time is written in this way because the expression must not depend on a session's time zone.
-- Older versions, down to v22.1, do not let a table expire that has foreign keys.
--
-- May be run again. Undone by row_level_ttl_undo.sql, which brings nothing back. `streaming_services.py --check` says
-- that the table has options of which schema.sql says nothing. See
-- https://www.cockroachlabs.com/docs/stable/row-level-ttl

ALTER TABLE watch_history SET (
    ttl_expiration_expression = $$((watched_at AT TIME ZONE 'UTC') + INTERVAL '3 years') AT TIME ZONE 'UTC'$$,
    ttl_job_cron = '0 3 * * *'
);
