-- needs: CockroachDB v21.2
--
-- Sends the payments to Kafka for as long as the cluster runs: those that are there, then each new one.
--
--     python streaming_services.py --schema cockroachdb/changefeed_sinks.sql
--
-- LICENCE: up to v24.2 a changefeed INTO a sink needs an Enterprise licence; from v24.3 on the licence under which the
-- cluster runs anyway, of which some are free. Other sinks are webhooks, Google Pub/Sub and cloud storage: write its
-- address instead.
--
-- Each change arrives at least once, and those of one key in their order: who receives them counts a payment_id once.
-- The feed is a job that outlives nodes. May be run again: it then takes the place of the one before, and sends all
-- payments again. Undone by changefeed_sinks_undo.sql. See https://www.cockroachlabs.com/docs/stable/create-changefeed

SET CLUSTER SETTING kv.rangefeed.enabled = true;

CANCEL JOBS (
    SELECT job_id FROM [SHOW CHANGEFEED JOBS]
    WHERE description LIKE '%payment_history%' AND status IN ('running', 'paused')
);
CREATE CHANGEFEED FOR TABLE payment_history
INTO 'kafka://localhost:9092?topic_prefix=streaming_' WITH updated, resolved = '10s';
