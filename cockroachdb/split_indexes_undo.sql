-- needs: CockroachDB v21.1
--
-- Undoes split_indexes.sql: the cluster may merge the ranges again, which it does after a while.
--
--     python streaming_services.py --schema cockroachdb/split_indexes_undo.sql
--
-- May be run again.

ALTER INDEX watch_history@watch_history_watched_at_idx UNSPLIT ALL;
ALTER INDEX payment_history@payment_history_payment_date_idx UNSPLIT ALL;
ALTER INDEX payment_history@payment_history_subscription_id_idx UNSPLIT ALL;
