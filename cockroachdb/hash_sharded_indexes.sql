-- needs: CockroachDB v21.1
--
-- Shards by hash the indexes that are written at their end, so that many nodes take the writes:
--
--     python streaming_services.py --schema cockroachdb/hash_sharded_indexes.sql
--
-- What is new has the latest time, so all new entries of an index on times go to its last range, and one node does all
-- of the work however many there are. Sharded, the index begins with a hash of the time, here one of 8: new entries go
-- to 8 places, which the cluster splits into ranges and spreads. What asks about a period reads all 8, which is a
-- little more than to read one. So it is for platforms that write thousands of rows a second; a small one only pays for
-- it.
--
-- May be run again, and then builds the indexes anew. While it runs each index is there, the old one or the new one.
-- Undone by hash_sharded_indexes_undo.sql. The names stay those of schema.sql, which so leaves the indexes alone when
-- it is applied again; upgrade.sql builds two of them as they were before. `streaming_services.py --check` says that
-- they are sharded. Together with regions.sql it needs v22.1.
-- See https://www.cockroachlabs.com/docs/stable/hash-sharded-indexes

-- v21.1 and v21.2 want it; for later versions it has no meaning.
SET experimental_enable_hash_sharded_indexes = on;

-- What is asked about a period, as report.py does.
CREATE INDEX IF NOT EXISTS watch_history_watched_at_idx_new
    ON watch_history (watched_at) USING HASH WITH BUCKET_COUNT = 8
    INCLUDE (user_id, content_id, progress, episode);
DROP INDEX IF EXISTS watch_history@watch_history_watched_at_idx;
ALTER INDEX watch_history@watch_history_watched_at_idx_new RENAME TO watch_history_watched_at_idx;

CREATE INDEX IF NOT EXISTS payment_history_payment_date_idx_new
    ON payment_history (payment_date) USING HASH WITH BUCKET_COUNT = 8
    INCLUDE (payer_id, subscription_id, amount, method);
DROP INDEX IF EXISTS payment_history@payment_history_payment_date_idx;
ALTER INDEX payment_history@payment_history_payment_date_idx_new RENAME TO payment_history_payment_date_idx;

-- The revenue of a plan. There are few plans, so it is written at as many places only. It is also the index of a
-- foreign key: whether a plan that is to be removed was paid for is then looked for in all of its places.
CREATE INDEX IF NOT EXISTS payment_history_subscription_id_idx_new
    ON payment_history (subscription_id, payment_date) USING HASH WITH BUCKET_COUNT = 8
    INCLUDE (amount);
DROP INDEX IF EXISTS payment_history@payment_history_subscription_id_idx;
ALTER INDEX payment_history@payment_history_subscription_id_idx_new RENAME TO payment_history_subscription_id_idx;
