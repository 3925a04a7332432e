-- needs: CockroachDB v25.3
--
-- After regions.sql: what a user watches, reviews and pays is written in the user's own region, wherever the program is
-- connected, and moves with a user whose country changes.
--
--     python streaming_services.py --schema cockroachdb/regions_of_users.sql
--
-- The server looks up the user's row, which the foreign key makes it look up anyway, and takes the region from there;
-- the feature is a preview. May be run again. Undone by regions_of_users_undo.sql. `streaming_services.py --check`
-- names the three foreign keys. See "regional by row" in https://www.cockroachlabs.com/docs/stable/table-localities

SET CLUSTER SETTING feature.infer_rbr_region_col_using_constraint.enabled = true;

-- Besides the foreign keys of schema.sql, which delete a user's rows with them and leave payments without a user.
ALTER TABLE watch_history ADD CONSTRAINT IF NOT EXISTS watch_history_region_fkey
    FOREIGN KEY (crdb_region, user_id) REFERENCES users (region, user_id) ON UPDATE CASCADE;
ALTER TABLE watch_history SET (infer_rbr_region_col_using_constraint = 'watch_history_region_fkey');
ALTER TABLE reviews ADD CONSTRAINT IF NOT EXISTS reviews_region_fkey
    FOREIGN KEY (crdb_region, user_id) REFERENCES users (region, user_id) ON UPDATE CASCADE;
ALTER TABLE reviews SET (infer_rbr_region_col_using_constraint = 'reviews_region_fkey');
ALTER TABLE payment_history ADD CONSTRAINT IF NOT EXISTS payment_history_region_fkey
    FOREIGN KEY (crdb_region, user_id) REFERENCES users (region, user_id) ON UPDATE CASCADE;
ALTER TABLE payment_history SET (infer_rbr_region_col_using_constraint = 'payment_history_region_fkey');
