-- needs: CockroachDB v20.2
--
-- Undoes changefeed.sql and, after changefeed_sinks_undo.sql, what changefeed_sinks.sql has set for the cluster.
--
--     python streaming_services.py --schema cockroachdb/changefeed_undo.sql
--
-- May be run again.

RESET CLUSTER SETTING kv.rangefeed.enabled;
