-- needs: CockroachDB v22.1
--
-- What a database with the regions of regions.sql does, in the form of queries.sql.


-- name: regions
-- The regions of the database, the primary one first, with their zones. See show-regions.
SHOW REGIONS FROM DATABASE streaming;

-- name: survival_goal
-- What the database survives: the loss of a zone, or of a region. See show-survival-goal.
SHOW SURVIVAL GOAL FROM DATABASE streaming;

-- name: region_of_this_node
-- The region of the node to which this shell is connected. See functions-and-operators.
SELECT gateway_region();

-- name: homes
-- How many users are at home in each region, and how many viewings. See table-localities.
SELECT u.region, count(*) AS users, sum(w.viewings) AS viewings
FROM users AS u
LEFT JOIN (SELECT user_id, count(*) AS viewings FROM watch_history GROUP BY user_id) AS w ON w.user_id = u.user_id
GROUP BY u.region
ORDER BY u.region;

-- name: rows_away_from_home
-- Viewings that are not in the region of their user; the UPDATE of regions.sql brings them there. See table-localities.
SELECT w.crdb_region, u.region, count(*) AS viewings
FROM watch_history AS w JOIN users AS u ON u.user_id = w.user_id
WHERE w.crdb_region <> u.region
GROUP BY w.crdb_region, u.region
ORDER BY w.crdb_region, u.region;

-- name: plan_of_read
-- A known user is read in one region: `locality optimized search` looks into the node's own region first, and into the
-- others only if the user is not there. See cost-based-optimizer.
EXPLAIN SELECT name, country FROM users WHERE user_id = 2 /* :user_id */;

-- name: plan_of_viewings
-- What a user watched is asked of every region, for nothing says that all of it is in one. See cost-based-optimizer.
EXPLAIN SELECT content_id, progress FROM watch_history WHERE user_id = 2 /* :user_id */;

-- name: plan_of_viewings_at_home
-- The same by who knows the user's region, and says so: no other region is asked. See cost-based-optimizer.
EXPLAIN SELECT content_id, progress FROM watch_history
WHERE user_id = 2 /* :user_id */ AND crdb_region = 'asia' /* :region */;

-- name: plan_of_insert
-- A row whose key the client has made has to be looked for in all regions before it is written: the plan reads
-- watch_history in each, by the key. See cost-based-optimizer.
EXPLAIN INSERT INTO watch_history (watch_id, user_id, content_id)
VALUES ('00000000-0000-4000-8000-000000000001', 2, 1)
ON CONFLICT (watch_id) DO NOTHING;

-- name: plan_of_insert_without_key
-- The same with a key that the server makes, of which it knows that nobody else has it: no other region is asked. See
-- cost-based-optimizer.
EXPLAIN INSERT INTO watch_history (user_id, content_id) VALUES (2, 1);
