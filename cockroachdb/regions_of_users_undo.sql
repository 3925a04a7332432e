-- needs: CockroachDB v25.3
--
-- Undoes regions_of_users.sql: new rows take the region of the node to which the program is connected.
--
--     python streaming_services.py --schema cockroachdb/regions_of_users_undo.sql
--
-- May be run again.

ALTER TABLE watch_history RESET (infer_rbr_region_col_using_constraint);
ALTER TABLE watch_history DROP CONSTRAINT IF EXISTS watch_history_region_fkey;
ALTER TABLE reviews RESET (infer_rbr_region_col_using_constraint);
ALTER TABLE reviews DROP CONSTRAINT IF EXISTS reviews_region_fkey;
ALTER TABLE payment_history RESET (infer_rbr_region_col_using_constraint);
ALTER TABLE payment_history DROP CONSTRAINT IF EXISTS payment_history_region_fkey;
RESET CLUSTER SETTING feature.infer_rbr_region_col_using_constraint.enabled;
