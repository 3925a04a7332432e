-- needs: CockroachDB v20.2
--
-- Undoes hash_sharded_indexes.sql: the indexes are again as schema.sql says.
--
--     python streaming_services.py --schema cockroachdb/hash_sharded_indexes_undo.sql
--
-- May be run again, and then builds the indexes anew. The hidden columns with the hashes go with the sharded indexes.

CREATE INDEX IF NOT EXISTS watch_history_watched_at_idx_new
    ON watch_history (watched_at) INCLUDE (user_id, content_id, progress, episode);
DROP INDEX IF EXISTS watch_history@watch_history_watched_at_idx;
ALTER INDEX watch_history@watch_history_watched_at_idx_new RENAME TO watch_history_watched_at_idx;

CREATE INDEX IF NOT EXISTS payment_history_payment_date_idx_new
    ON payment_history (payment_date) INCLUDE (payer_id, subscription_id, amount, method);
DROP INDEX IF EXISTS payment_history@payment_history_payment_date_idx;
ALTER INDEX payment_history@payment_history_payment_date_idx_new RENAME TO payment_history_payment_date_idx;

CREATE INDEX IF NOT EXISTS payment_history_subscription_id_idx_new
    ON payment_history (subscription_id, payment_date) INCLUDE (amount);
DROP INDEX IF EXISTS payment_history@payment_history_subscription_id_idx;
ALTER INDEX payment_history@payment_history_subscription_id_idx_new RENAME TO payment_history_subscription_id_idx;
