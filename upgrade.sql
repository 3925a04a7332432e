-- Brings a database that was made by the schema.sql before this one up to date, and keeps all rows:
--
--     python streaming_services.py --schema upgrade.sql
--
-- May be run again. Where the rows break a new check the script says which statement was refused: mend them and run it
-- again. It builds indexes and fills a column of payment_history, so that on a large database it is work for a quiet
-- hour. PostgreSQL takes it whole or not at all; CockroachDB, which sees a column from the COMMIT on that adds it, takes
-- one statement after the other.

ALTER TABLE users ADD COLUMN IF NOT EXISTS country TEXT;
ALTER TABLE content ADD COLUMN IF NOT EXISTS duration_minutes INT8;
ALTER TABLE content ADD COLUMN IF NOT EXISTS episodes INT8;
ALTER TABLE watch_history ADD COLUMN IF NOT EXISTS episode INT8;
ALTER TABLE payment_history ADD COLUMN IF NOT EXISTS payer_id INT8;

-- Who paid is known of all but those who were deleted before.
UPDATE payment_history SET payer_id = user_id WHERE payer_id IS NULL AND user_id IS NOT NULL;
UPDATE users SET email = btrim(email, E' \t\n\r') WHERE email <> btrim(email, E' \t\n\r');

-- Neither server knows ADD CONSTRAINT IF NOT EXISTS in all of its versions.
ALTER TABLE subscriptions DROP CONSTRAINT IF EXISTS subscriptions_price_not_negative;
ALTER TABLE subscriptions DROP CONSTRAINT IF EXISTS subscriptions_price_range;
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_price_range CHECK (price >= 0 AND price < 100000000);
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_email_trimmed;
ALTER TABLE users ADD CONSTRAINT users_email_trimmed CHECK (email = btrim(email, E' \t\n\r'));
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_country_code;
ALTER TABLE users ADD CONSTRAINT users_country_code CHECK (country ~ '^[A-Z][A-Z]$');
ALTER TABLE content DROP CONSTRAINT IF EXISTS content_duration_minutes_positive;
ALTER TABLE content ADD CONSTRAINT content_duration_minutes_positive CHECK (duration_minutes > 0);
ALTER TABLE content DROP CONSTRAINT IF EXISTS content_episodes_positive;
ALTER TABLE content ADD CONSTRAINT content_episodes_positive CHECK (episodes > 0);
ALTER TABLE watch_history DROP CONSTRAINT IF EXISTS watch_history_episode_positive;
ALTER TABLE watch_history ADD CONSTRAINT watch_history_episode_positive CHECK (episode > 0);
ALTER TABLE payment_history DROP CONSTRAINT IF EXISTS payment_history_amount_positive;
ALTER TABLE payment_history DROP CONSTRAINT IF EXISTS payment_history_amount_range;
ALTER TABLE payment_history ADD CONSTRAINT payment_history_amount_range CHECK (amount > 0 AND amount < 100000000);
ALTER TABLE payment_history DROP CONSTRAINT IF EXISTS payment_history_payer_is_user;
ALTER TABLE payment_history ADD CONSTRAINT payment_history_payer_is_user CHECK (payer_id = user_id);

CREATE INDEX IF NOT EXISTS users_created_at_idx ON users (created_at, user_id) INCLUDE (subscription_id, country);
-- These were there under the same names, with other columns.
DROP INDEX IF EXISTS watch_history_user_id_idx;
CREATE INDEX watch_history_user_id_idx
    ON watch_history (user_id, watched_at DESC, watch_id DESC) INCLUDE (content_id, progress, episode);
DROP INDEX IF EXISTS watch_history_watched_at_idx;
CREATE INDEX watch_history_watched_at_idx
    ON watch_history (watched_at) INCLUDE (user_id, content_id, progress, episode);
DROP INDEX IF EXISTS payment_history_payment_date_idx;
CREATE INDEX payment_history_payment_date_idx
    ON payment_history (payment_date) INCLUDE (payer_id, subscription_id, amount, method);
