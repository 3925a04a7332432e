-- needs: CockroachDB v21.1
--
-- After hash_sharded_indexes.sql, up to v21.2: a range for each of the 8 places of a sharded index, on several nodes.
--
--     python streaming_services.py --schema cockroachdb/split_indexes.sql
--
-- Those versions split a range only when it has grown to 512 MiB or takes thousands of requests a second, and until
-- then one node does all the work. From v22.1 on a sharded index is split when it is made, and nobody needs this file.
--
-- May be run again. Undone by split_indexes_undo.sql, and by whatever drops the indexes. Ranges of an index show where
-- its writes go: see ranges_of_index in queries.sql. See https://www.cockroachlabs.com/docs/stable/split-at

ALTER INDEX watch_history@watch_history_watched_at_idx SPLIT AT SELECT generate_series(0, 7);
ALTER INDEX payment_history@payment_history_payment_date_idx SPLIT AT SELECT generate_series(0, 7);
ALTER INDEX payment_history@payment_history_subscription_id_idx SPLIT AT SELECT generate_series(0, 7);

-- The new ranges are where the old one was. This gives their leases to nodes by chance.
ALTER INDEX watch_history@watch_history_watched_at_idx SCATTER;
ALTER INDEX payment_history@payment_history_payment_date_idx SCATTER;
ALTER INDEX payment_history@payment_history_subscription_id_idx SCATTER;
