-- needs: CockroachDB v22.1
--
-- Undoes regions.sql: the tables are again as schema.sql says, and the database has no regions. Where
-- regions_of_users.sql was applied, undo that first.
--
--     python streaming_services.py --schema cockroachdb/regions_undo.sql
--
-- May be run again: the first statement makes regions possible where there are none any more, and the last takes that
-- back.

ALTER DATABASE streaming PRIMARY REGION "eu";

ALTER TABLE watch_history SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE watch_history DROP COLUMN IF EXISTS crdb_region;
ALTER TABLE reviews SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE reviews DROP COLUMN IF EXISTS crdb_region;
ALTER TABLE payment_history SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE payment_history DROP COLUMN IF EXISTS crdb_region;
ALTER TABLE users SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE users DROP COLUMN IF EXISTS region;
ALTER TABLE content SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE subscriptions SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;

ALTER DATABASE streaming DROP REGION IF EXISTS "asia";
ALTER DATABASE streaming DROP REGION IF EXISTS "us";
-- The primary region is the last.
ALTER DATABASE streaming DROP REGION IF EXISTS "eu";
