-- needs: CockroachDB v21.2
--
-- Undoes changefeed_sinks.sql: ends the changefeeds of the payments. changefeed_undo.sql takes the cluster's setting
-- back.
--
--     python streaming_services.py --schema cockroachdb/changefeed_sinks_undo.sql
--
-- May be run again.

CANCEL JOBS (
    SELECT job_id FROM [SHOW CHANGEFEED JOBS]
    WHERE description LIKE '%payment_history%' AND status IN ('running', 'paused')
);
