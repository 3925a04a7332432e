-- needs: CockroachDB v22.1
--
-- Gives the database three regions, and each row the one from which it is used. It needs a cluster whose nodes were
-- started with `--locality=region=eu`, `us` or `asia` (docs/clusters.md), in each region at least three nodes for a
-- database that survives the loss of one. Up to v24.2 it needs an Enterprise licence. Where your database or your
-- regions have other names, write those here and in regions_undo.sql.
--
--     python streaming_services.py --schema cockroachdb/regions.sql
--
-- Users are at home in the region of their country, and what they watch, review and pay is written there with them. A
-- row that is read or changed by its whole key (a user, a viewing) is looked for in the region where one asks, and in
-- the others only if it is not there. What everybody reads and few write, `content` and `subscriptions`, is read in
-- every region without leaving it; to write it takes as long as the farthest region is away.
--
-- What goes to all regions: to find a user by email; the lists of what a user watched or paid, because the server does
-- not know that all of it is in one region (a query that says `crdb_region = ...` as well stays there: see
-- plan_of_viewings_at_home in queries_of_regions.sql); what asks about all users; and what has to be unique: a new
-- email, and a new row's key. The optimizer spares the last of them for keys that gen_random_uuid() makes in the
-- statement, but the services make theirs before it, so that a call can be repeated: see plan_of_insert there.
--
-- May be run again. Undone by regions_undo.sql. The columns are hidden ones: fixtures and services do not see them. See
-- https://www.cockroachlabs.com/docs/stable/multiregion-overview

ALTER DATABASE streaming PRIMARY REGION "eu";
ALTER DATABASE streaming ADD REGION IF NOT EXISTS "us";
ALTER DATABASE streaming ADD REGION IF NOT EXISTS "asia";

ALTER TABLE content SET LOCALITY GLOBAL;
ALTER TABLE subscriptions SET LOCALITY GLOBAL;

-- Of Africa and Oceania, and where the country is not known, each is where its cables lead.
ALTER TABLE users ADD COLUMN IF NOT EXISTS region crdb_internal_region NOT VISIBLE NOT NULL AS (
    CASE
        WHEN country IN (
            'AR', 'BO', 'BR', 'CA', 'CL', 'CO', 'CR', 'CU', 'DO', 'EC', 'GT', 'HN', 'JM', 'MX', 'NI', 'PA', 'PE', 'PR',
            'PY', 'SV', 'US', 'UY', 'VE'
        ) THEN 'us'
        WHEN country IN (
            'AU', 'BD', 'CN', 'HK', 'ID', 'IN', 'JP', 'KH', 'KR', 'LK', 'MM', 'MN', 'MY', 'NP', 'NZ', 'PH', 'PK', 'SG',
            'TH', 'TW', 'VN'
        ) THEN 'asia'
        ELSE 'eu'
    END) STORED;
ALTER TABLE users SET LOCALITY REGIONAL BY ROW AS region;

-- These get a hidden column crdb_region. A new row takes the region of the node to which the program is connected,
-- which is the user's when programs connect to a node near their users; from v25.3 on regions_of_users.sql makes it the
-- user's in any case.
ALTER TABLE watch_history SET LOCALITY REGIONAL BY ROW;
ALTER TABLE reviews SET LOCALITY REGIONAL BY ROW;
ALTER TABLE payment_history SET LOCALITY REGIONAL BY ROW;

-- The rows that are elsewhere go to their users: the old ones, and those of users who were abroad or have moved.
UPDATE watch_history AS t SET crdb_region = u.region
FROM users AS u WHERE u.user_id = t.user_id AND t.crdb_region <> u.region;
UPDATE reviews AS t SET crdb_region = u.region
FROM users AS u WHERE u.user_id = t.user_id AND t.crdb_region <> u.region;
UPDATE payment_history AS t SET crdb_region = u.region
FROM users AS u WHERE u.user_id = t.user_id AND t.crdb_region <> u.region;
