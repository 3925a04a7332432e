-- needs: CockroachDB v23.1
--
-- Undoes row_level_ttl.sql: viewings are kept for ever.
--
--     python streaming_services.py --schema cockroachdb/row_level_ttl_undo.sql
--
-- May be run again.

ALTER TABLE watch_history RESET (ttl);
