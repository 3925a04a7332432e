-- Queries worth running on the streaming service. Each can be pasted into any SQL shell, on CockroachDB (v20.2 and
-- newer) and on PostgreSQL. `python dbshell.py --query` lists them, `python dbshell.py --query NAME` runs one.
--
-- What can be changed is a literal with a mark behind it, 10 /* :limit */: edit the literal, or let a tool bind the
-- parameter. A period begins at :since and ends just before :until; put '2024-01-01 00:00Z' in place of NULL. Where
-- both are NULL it is the last twelve months of the data (where a query is about one month or some days, the last of
-- these), so a pasted query has something to show, whenever the data are of. Give a period where you can: CockroachDB
-- then reads that part of an index, and without one the whole index. Days, hours and months are in UTC, whatever the
-- shell's time zone is. A month is whole if it ends at or before :until, and what only a whole month can tell is NULL
-- in another.
--
-- A viewing is finished from 90 percent on, as in the services: few stay for the credits. A subscriber of a month is
-- who paid in it; who paid stays known by payer_id when the user is deleted. What a subscriber pays a month is their
-- last payment of the month, so that two payments that meet in one month are not a rise.


-- The six features

-- name: users_and_plans
-- The users, each with the plan they have and its price a month. Shows LEFT JOIN: users without a plan stay, with NULL.
SELECT u.user_id, u.name, u.email, s.name AS plan, s.price
FROM users u
LEFT JOIN subscriptions s ON s.subscription_id = u.subscription_id
ORDER BY u.user_id
LIMIT 100 /* :limit */;

-- name: plans
-- The plans, the cheapest first, with what they include. Shows JSONB: ->> takes one member as text.
SELECT subscription_id, name, price, features ->> 'quality' AS quality, (features ->> 'streams')::INT8 AS streams
FROM subscriptions
ORDER BY price, subscription_id;

-- name: find_content
-- The titles of a genre that the critics rate at least so high, the best first. Shows an index on genre at work.
SELECT content_id, title, content_type, release_year, rating
FROM content
WHERE genre = 'Drama' /* :genre */ AND rating >= 7 /* :min_rating */
ORDER BY rating DESC, content_id
LIMIT 10 /* :limit */;

-- name: reviews_of_title
-- The latest reviews of one title, with their authors. Shows an index that has the rows in the order asked for.
SELECT r.reviewed_at, u.name AS reviewer, r.rating, r.review_text
FROM reviews r
JOIN users u ON u.user_id = r.user_id
WHERE r.content_id = 1 /* :content_id */
ORDER BY r.reviewed_at DESC, r.review_id DESC
LIMIT 10 /* :limit */;

-- name: title_figures
-- One title in figures: who watched it, how many finished it, what users and critics say. Shows subqueries as tables,
-- so that viewings and reviews are counted apart and do not multiply each other.
SELECT c.title, v.viewings, v.viewers, v.finished, r.reviews, r.users_rating, c.rating AS critics_rating
FROM content c
CROSS JOIN (
    SELECT count(*) AS viewings, count(DISTINCT user_id) AS viewers, count(*) FILTER (WHERE progress >= 90) AS finished
    FROM watch_history
    WHERE content_id = 1 /* :content_id */
) AS v
CROSS JOIN (
    SELECT count(*) AS reviews, round(avg(rating), 1) AS users_rating
    FROM reviews
    WHERE content_id = 1 /* :content_id */
) AS r
WHERE c.content_id = 1 /* :content_id */;

-- name: continue_watching
-- What a user can go on watching, the latest first: a title that is not finished, or the next episode of a series.
-- Shows DISTINCT ON: the latest viewing of each title.
SELECT c.content_id, c.title, latest.progress, latest.watched_at,
       CASE WHEN latest.progress < 90 THEN latest.episode ELSE latest.episode + 1 END AS next_episode
FROM (
    SELECT DISTINCT ON (content_id) content_id, episode, progress, watched_at, watch_id
    FROM watch_history
    WHERE user_id = 2 /* :user_id */
    ORDER BY content_id, watched_at DESC, watch_id DESC
) AS latest
JOIN content c ON c.content_id = latest.content_id
WHERE latest.progress < 90 OR latest.episode < c.episodes
ORDER BY latest.watched_at DESC, latest.watch_id DESC
LIMIT 10 /* :limit */;

-- name: user_history
-- The latest viewings of a user. Shows a covering index: one range of it has all that is asked for.
SELECT w.watched_at, c.content_id, c.title, w.episode, c.genre, w.progress
FROM watch_history w
JOIN content c ON c.content_id = w.content_id
WHERE w.user_id = 2 /* :user_id */
ORDER BY w.watched_at DESC, w.watch_id DESC
LIMIT 20 /* :limit */;

-- name: user_payments
-- The latest payments of a user, and what they had paid in all by then. Shows a running total: sum() OVER.
SELECT p.payment_date, s.name AS plan, p.amount, p.method,
       sum(p.amount) OVER (ORDER BY p.payment_date, p.payment_id) AS paid_so_far
FROM payment_history p
JOIN subscriptions s ON s.subscription_id = p.subscription_id
WHERE p.user_id = 2 /* :user_id */
ORDER BY p.payment_date DESC, p.payment_id DESC
LIMIT 20 /* :limit */;

-- name: user_account
-- One user: their plan, since when they are there, and what they did in figures. Shows subqueries that each count rows
-- of another table.
SELECT u.user_id, u.name, u.created_at, s.name AS plan, s.price,
       (SELECT count(*) FROM watch_history w WHERE w.user_id = u.user_id) AS viewings,
       (SELECT count(*) FROM watch_history w WHERE w.user_id = u.user_id AND w.progress >= 90) AS finished,
       (SELECT count(*) FROM reviews r WHERE r.user_id = u.user_id) AS reviews,
       (SELECT coalesce(sum(p.amount), 0) FROM payment_history p WHERE p.user_id = u.user_id) AS paid
FROM users u
LEFT JOIN subscriptions s ON s.subscription_id = u.subscription_id
WHERE u.user_id = 2 /* :user_id */;

-- name: viewing_sessions
-- The sittings of a user: viewings that began within four hours of the one before. Shows gaps and islands: lag() finds
-- where a sitting begins, and a running sum of the beginnings numbers them.
WITH viewings AS (
    SELECT watch_id, content_id, watched_at, lag(watched_at) OVER (ORDER BY watched_at, watch_id) AS before
    FROM watch_history
    WHERE user_id = 2 /* :user_id */
), numbered AS (
    SELECT watch_id, content_id, watched_at,
           sum(CASE WHEN before IS NULL OR watched_at - before > INTERVAL '4 hours' THEN 1 ELSE 0 END)
               OVER (ORDER BY watched_at, watch_id) AS sitting
    FROM viewings
)
SELECT min(n.watched_at) AS began_at, max(n.watched_at) AS last_began_at, count(*) AS viewings,
       string_agg(c.title, ', ' ORDER BY n.watched_at, n.watch_id) AS titles
FROM numbered n
JOIN content c ON c.content_id = n.content_id
GROUP BY n.sitting
ORDER BY n.sitting DESC
LIMIT 10 /* :limit */;


-- What a dashboard shows: viewings

-- name: days_of_data
-- Where the data begin and end, how many rows lie so far from all others that they look like mistakes, and how many
-- outside of the years 1900 to 9998. Shows LIMIT in each part of a UNION ALL, so that only the two ends of each index
-- are read; a row that lies more than a month beyond 99 percent of these counts as a mistake.
WITH earliest AS (
    SELECT at, row_number() OVER (ORDER BY at) AS place, count(*) OVER () AS rows
    FROM (
        (SELECT created_at AS at FROM users
         WHERE created_at >= '1900-01-01Z' AND created_at < '9999-01-01Z' ORDER BY created_at LIMIT 1000)
        UNION ALL (SELECT watched_at FROM watch_history
         WHERE watched_at >= '1900-01-01Z' AND watched_at < '9999-01-01Z' ORDER BY watched_at LIMIT 1000)
        UNION ALL (SELECT payment_date FROM payment_history
         WHERE payment_date >= '1900-01-01Z' AND payment_date < '9999-01-01Z' ORDER BY payment_date LIMIT 1000)
    ) AS ends
), latest AS (
    SELECT at, kind, row_number() OVER (ORDER BY at DESC) AS place, count(*) OVER () AS rows
    FROM (
        (SELECT created_at AS at, 'user' AS kind FROM users
         WHERE created_at >= '1900-01-01Z' AND created_at < '9999-01-01Z' ORDER BY created_at DESC LIMIT 1000)
        UNION ALL (SELECT watched_at, 'viewing' FROM watch_history
         WHERE watched_at >= '1900-01-01Z' AND watched_at < '9999-01-01Z' ORDER BY watched_at DESC LIMIT 1000)
        UNION ALL (SELECT payment_date, 'payment' FROM payment_history
         WHERE payment_date >= '1900-01-01Z' AND payment_date < '9999-01-01Z' ORDER BY payment_date DESC LIMIT 1000)
    ) AS ends
), outside AS (
    SELECT count(*) AS rows FROM users WHERE created_at < '1900-01-01Z'
    UNION ALL SELECT count(*) FROM users WHERE created_at >= '9999-01-01Z'
    UNION ALL SELECT count(*) FROM watch_history WHERE watched_at < '1900-01-01Z'
    UNION ALL SELECT count(*) FROM watch_history WHERE watched_at >= '9999-01-01Z'
    UNION ALL SELECT count(*) FROM payment_history WHERE payment_date < '1900-01-01Z'
    UNION ALL SELECT count(*) FROM payment_history WHERE payment_date >= '9999-01-01Z'
), usual AS (
    SELECT (SELECT min(at) - INTERVAL '744 hours' FROM earliest WHERE place > rows / 100) AS first,
           (SELECT max(at) + INTERVAL '744 hours' FROM latest WHERE place > rows / 100) AS last
)
SELECT (SELECT min(at) AT TIME ZONE 'UTC' FROM earliest WHERE at >= first)::DATE AS first_day,
       (SELECT max(at) AT TIME ZONE 'UTC' FROM latest WHERE at <= last)::DATE AS last_day,
       (SELECT max(at) AT TIME ZONE 'UTC' FROM latest WHERE at <= last AND kind = 'viewing')::DATE AS last_viewing,
       (SELECT max(at) AT TIME ZONE 'UTC' FROM latest WHERE at <= last AND kind = 'payment')::DATE AS last_payment,
       (SELECT count(*) FROM earliest WHERE at < first) AS rows_before,
       (SELECT count(*) FROM latest WHERE at > last) AS rows_after,
       (SELECT sum(rows)::INT8 FROM outside) AS rows_outside
FROM usual;

-- name: headline_figures
-- The figures of a period next to those of the period before: of a month the month before, else as many days. Shows
-- FILTER: one pass over both periods counts each apart; and UNION ALL, which wants the same type in every branch.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '1 month' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM watch_history
           )) AS until
), periods AS NOT MATERIALIZED (
    SELECT since, until,
           CASE WHEN since AT TIME ZONE 'UTC' + INTERVAL '1 month' = until AT TIME ZONE 'UTC'
                THEN (since AT TIME ZONE 'UTC' - INTERVAL '1 month') AT TIME ZONE 'UTC'
                ELSE (since AT TIME ZONE 'UTC' - (until - since)) AT TIME ZONE 'UTC'
           END AS before
    FROM period
), people AS (
    SELECT count(*) AS now, count(*) FILTER (WHERE u.created_at < p.since) AS before,
           count(*) FILTER (WHERE u.created_at >= p.since) AS new,
           count(*) FILTER (WHERE u.created_at >= p.before AND u.created_at < p.since) AS new_before
    FROM users u, periods p
    WHERE u.created_at < p.until
), money AS (
    SELECT count(DISTINCT m.payer_id) FILTER (WHERE m.payment_date >= p.since) AS payers_now,
           count(DISTINCT m.payer_id) FILTER (WHERE m.payment_date < p.since) AS payers_before,
           sum(m.amount) FILTER (WHERE m.payment_date >= p.since) AS now,
           sum(m.amount) FILTER (WHERE m.payment_date < p.since) AS before
    FROM payment_history m, periods p
    WHERE m.payment_date < p.until AND m.payment_date >= p.before
), watching AS (
    SELECT count(DISTINCT w.user_id) FILTER (WHERE w.watched_at >= p.since) AS viewers_now,
           count(DISTINCT w.user_id) FILTER (WHERE w.watched_at < p.since) AS viewers_before,
           count(*) FILTER (WHERE w.watched_at >= p.since) AS now,
           count(*) FILTER (WHERE w.watched_at < p.since) AS before,
           count(*) FILTER (WHERE w.progress >= 90 AND w.watched_at >= p.since) AS finished_now,
           count(*) FILTER (WHERE w.progress >= 90 AND w.watched_at < p.since) AS finished_before
    FROM watch_history w, periods p
    WHERE w.watched_at < p.until AND w.watched_at >= p.before
), figures AS (
    SELECT 1 AS place, 'users' AS figure, now::DECIMAL AS now, before::DECIMAL AS before FROM people
    UNION ALL SELECT 2, 'sign-ups', new::DECIMAL, new_before::DECIMAL FROM people
    UNION ALL SELECT 3, 'subscribers', payers_now::DECIMAL, payers_before::DECIMAL FROM money
    UNION ALL SELECT 4, 'revenue', coalesce(now, 0)::DECIMAL, coalesce(before, 0)::DECIMAL FROM money
    UNION ALL SELECT 5, 'revenue per subscriber', round(now / payers_now, 2), round(before / payers_before, 2)
              FROM (SELECT now, before, nullif(payers_now, 0) AS payers_now, nullif(payers_before, 0) AS payers_before
                    FROM money) AS paid
    UNION ALL SELECT 6, 'viewers', viewers_now::DECIMAL, viewers_before::DECIMAL FROM watching
    UNION ALL SELECT 7, 'viewings', now::DECIMAL, before::DECIMAL FROM watching
    UNION ALL SELECT 8, 'viewings finished', finished_now::DECIMAL, finished_before::DECIMAL FROM watching
)
SELECT figure, now AS this_period, before AS period_before,
       round(100.0 * (now - before) / nullif(before, 0), 1) AS change_percent
FROM figures
ORDER BY place;

-- name: popular_titles
-- The titles that most people watched in a period. Shows viewers, not viewings, as groups of groups, which is quicker
-- than count(DISTINCT).
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), by_viewer AS (
    SELECT w.content_id, w.user_id, count(*) AS viewings, count(*) FILTER (WHERE w.progress >= 90) AS finished
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY w.content_id, w.user_id
), top AS (
    SELECT content_id, count(*) AS viewers, sum(viewings)::INT8 AS viewings, sum(finished) AS finished
    FROM by_viewer
    GROUP BY content_id
    ORDER BY 2 DESC, 3 DESC, 1
    LIMIT 10 /* :limit */
)
SELECT c.content_id, c.title, c.genre, n.viewers, n.viewings,
       round(100.0 * n.finished / n.viewings, 1) AS finished_percent
FROM top n
JOIN content c ON c.content_id = n.content_id
ORDER BY n.viewers DESC, n.viewings DESC, c.content_id;

-- name: popular_titles_by_month
-- The most watched titles of each month, and how many places they rose since the month before (NULL: not watched then).
-- Shows row_number() within each month, and a table joined to itself, one month back.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), monthly AS (
    SELECT date_trunc('month', w.watched_at AT TIME ZONE 'UTC')::DATE AS month, w.content_id, count(*) AS viewings
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY 1, 2
), ranked AS (
    SELECT month, content_id, viewings,
           row_number() OVER (PARTITION BY month ORDER BY viewings DESC, content_id) AS place
    FROM monthly
)
SELECT now.month, now.place, c.content_id, c.title, now.viewings, before.place - now.place AS places_risen
FROM ranked now
JOIN content c ON c.content_id = now.content_id
LEFT JOIN ranked before
    ON before.content_id = now.content_id AND before.month = (now.month - INTERVAL '1 month')::DATE
WHERE now.place <= 3 /* :limit */
ORDER BY now.month, now.place;

-- name: popular_titles_over_time
-- The most watched titles of a period, month by month, months without a viewing included. Shows generate_series() as
-- the calendar that the figures are joined to.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), viewings AS (
    SELECT date_trunc('month', w.watched_at AT TIME ZONE 'UTC')::DATE AS month, w.content_id, count(*) AS viewings
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY 1, 2
), top AS (
    SELECT content_id, sum(viewings) AS viewings
    FROM viewings
    GROUP BY content_id
    ORDER BY 2 DESC, 1
    LIMIT 5 /* :limit */
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
)
SELECT c.content_id, c.title, m.month, coalesce(v.viewings, 0) AS viewings
FROM top t
CROSS JOIN months m
JOIN content c ON c.content_id = t.content_id
LEFT JOIN viewings v ON v.content_id = t.content_id AND v.month = m.month
ORDER BY t.viewings DESC, c.content_id, m.month;

-- name: titles_rising_and_falling
-- The titles whose viewings changed most against the period before: of a month the month before, else as many days.
-- Shows FILTER, and sorting by how far a figure is from nought.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '1 month' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM watch_history
           )) AS until
), periods AS NOT MATERIALIZED (
    SELECT since, until,
           CASE WHEN since AT TIME ZONE 'UTC' + INTERVAL '1 month' = until AT TIME ZONE 'UTC'
                THEN (since AT TIME ZONE 'UTC' - INTERVAL '1 month') AT TIME ZONE 'UTC'
                ELSE (since AT TIME ZONE 'UTC' - (until - since)) AT TIME ZONE 'UTC'
           END AS before
    FROM period
), counted AS (
    SELECT w.content_id, count(*) FILTER (WHERE w.watched_at >= p.since) AS now,
           count(*) FILTER (WHERE w.watched_at < p.since) AS before
    FROM watch_history w, periods p
    WHERE w.watched_at < p.until AND w.watched_at >= p.before
    GROUP BY w.content_id
)
SELECT c.content_id, c.title, n.now AS this_period, n.before AS period_before, n.now - n.before AS change
FROM counted n
JOIN content c ON c.content_id = n.content_id
ORDER BY abs(n.now - n.before) DESC, c.content_id
LIMIT 10 /* :limit */;

-- name: top_users
-- The users who watched most in a period. Shows a LIMIT before what costs more: the titles and days of these users alone
-- are counted, and their names looked up.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), top AS (
    SELECT w.user_id, count(*) AS viewings
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY w.user_id
    ORDER BY viewings DESC, w.user_id
    LIMIT 10 /* :limit */
)
SELECT u.user_id, u.name, top.viewings, count(DISTINCT w.content_id) AS titles,
       count(*) FILTER (WHERE w.progress >= 90) AS finished,
       count(DISTINCT (w.watched_at AT TIME ZONE 'UTC')::DATE) AS days
FROM top
CROSS JOIN period p
JOIN watch_history w ON w.user_id = top.user_id
JOIN users u ON u.user_id = top.user_id
WHERE w.watched_at >= p.since AND w.watched_at < p.until
GROUP BY u.user_id, u.name, top.viewings
ORDER BY top.viewings DESC, u.user_id;

-- name: viewings_by_day
-- The viewings of each day, and their average over seven days. Shows a window of rows: ROWS BETWEEN 6 PRECEDING AND
-- CURRENT ROW (the first six days have fewer before them).
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('day', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '29 days' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), counted AS (
    SELECT (w.watched_at AT TIME ZONE 'UTC')::DATE AS day, count(*) AS viewings
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY 1
), days AS (
    SELECT day::DATE AS day
    FROM (
        SELECT generate_series(date_trunc('day', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 day') AS day
        FROM period
    ) AS calendar
)
SELECT d.day, coalesce(n.viewings, 0) AS viewings,
       round(avg(coalesce(n.viewings, 0)) OVER (ORDER BY d.day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW), 1)
           AS seven_day_average
FROM days d
LEFT JOIN counted n ON n.day = d.day
ORDER BY d.day;

-- name: active_viewers_by_month
-- Who watched in each month: how many in all, how many on an average day, and the stickiness, the second as a share of
-- the first (NULL in a month that is not whole). Shows groups of groups: days of viewers, of which
-- months of viewers are made, of which months are made.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), daily AS (
    SELECT DISTINCT w.user_id, (w.watched_at AT TIME ZONE 'UTC')::DATE AS day
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
), by_viewer AS (
    SELECT user_id, date_trunc('month', day::TIMESTAMP)::DATE AS month, count(*) AS days
    FROM daily
    GROUP BY 1, 2
), monthly AS (
    SELECT month, sum(days) AS viewer_days, count(*) AS viewers
    FROM by_viewer
    GROUP BY month
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
), filled AS (
    SELECT m.month, coalesce(n.viewers, 0) AS viewers, coalesce(n.viewer_days, 0) AS viewer_days,
           ((m.month + INTERVAL '1 month')::DATE - m.month)::INT8 AS days,
           m.month >= p.since AT TIME ZONE 'UTC'
               AND m.month + INTERVAL '1 month' <= p.until AT TIME ZONE 'UTC' AS is_whole
    FROM months m
    CROSS JOIN period p
    LEFT JOIN monthly n ON n.month = m.month
)
SELECT month, viewers, CASE WHEN is_whole THEN round(1.0 * viewer_days / days, 1) END AS viewers_a_day,
       CASE WHEN is_whole THEN round(100.0 * viewer_days / days / nullif(viewers, 0), 1) END AS stickiness_percent
FROM filled
ORDER BY month;

-- name: hours_watched_by_month
-- The hours watched in each month, a viewing's progress times its title's duration, in all and for each viewer; titles
-- whose duration is not known count as nothing, and how many viewings these are is said. Shows arithmetic over a join.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), by_viewer AS (
    SELECT date_trunc('month', w.watched_at AT TIME ZONE 'UTC')::DATE AS month, w.user_id, count(*) AS viewings,
           sum(w.progress * c.duration_minutes) AS minutes,
           count(*) FILTER (WHERE c.duration_minutes IS NULL) AS without_duration
    FROM watch_history w
    CROSS JOIN period p
    JOIN content c ON c.content_id = w.content_id
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY 1, 2
), watched AS (
    SELECT month, sum(viewings)::INT8 AS viewings, count(*) AS viewers, sum(minutes) / 6000 AS hours,
           sum(without_duration)::INT8 AS without_duration
    FROM by_viewer
    GROUP BY month
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
)
SELECT m.month, round(coalesce(n.hours, 0), 1) AS hours, round(n.hours / n.viewers, 1) AS hours_per_viewer,
       coalesce(n.viewings, 0) AS viewings, coalesce(n.without_duration, 0) AS without_duration
FROM months m
LEFT JOIN watched n ON n.month = m.month
ORDER BY m.month;

-- name: binges_by_month
-- Sittings, viewings of a user that began within four hours of the one before, and how many were binges: three or more
-- viewings of one title. Shows gaps and islands of all users at once.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), viewings AS (
    SELECT w.user_id, w.content_id, w.watched_at,
           lag(w.watched_at) OVER (PARTITION BY w.user_id ORDER BY w.watched_at) AS before
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
), dated AS (
    SELECT user_id, content_id, max(CASE WHEN before + INTERVAL '4 hours' >= watched_at THEN NULL ELSE watched_at END)
               OVER (PARTITION BY user_id ORDER BY watched_at) AS began_at
    FROM viewings
), titles AS (
    SELECT user_id, began_at, content_id, count(*) AS viewings
    FROM dated
    GROUP BY user_id, began_at, content_id
), sittings AS (
    SELECT user_id, began_at, max(viewings) >= 3 AS is_binge
    FROM titles
    GROUP BY user_id, began_at
), by_viewer AS (
    SELECT user_id, date_trunc('month', began_at AT TIME ZONE 'UTC')::DATE AS month, count(*) AS sittings,
           count(*) FILTER (WHERE is_binge) AS binges
    FROM sittings
    GROUP BY 1, 2
), counted AS (
    SELECT month, sum(sittings)::INT8 AS sittings, sum(binges)::INT8 AS binges,
           count(*) FILTER (WHERE binges > 0) AS bingers
    FROM by_viewer
    GROUP BY month
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
)
SELECT m.month, coalesce(n.sittings, 0) AS sittings, coalesce(n.binges, 0) AS binges, coalesce(n.bingers, 0) AS bingers,
       round(100.0 * n.binges / nullif(n.sittings, 0), 1) AS binge_percent
FROM months m
LEFT JOIN counted n ON n.month = m.month
ORDER BY m.month;

-- name: busiest_hours
-- The viewings of a period by weekday (1 is Monday) and hour, all 168 of them. Shows extract(), and CROSS JOIN for the
-- full grid, so that quiet hours are there with 0.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), hours AS (
    SELECT date_trunc('hour', w.watched_at AT TIME ZONE 'UTC') AS began, count(*) AS viewings
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY 1
), counted AS (
    SELECT extract(isodow FROM began)::INT8 AS weekday, extract(hour FROM began)::INT8 AS hour,
           sum(viewings)::INT8 AS viewings
    FROM hours
    GROUP BY 1, 2
)
SELECT d.weekday, h.hour, coalesce(n.viewings, 0) AS viewings
FROM generate_series(1, 7) AS d (weekday)
CROSS JOIN generate_series(0, 23) AS h (hour)
LEFT JOIN counted n ON n.weekday = d.weekday AND n.hour = h.hour
ORDER BY d.weekday, h.hour;

-- name: completion_by_genre
-- How viewings end, by genre: finished, or given up in the first five percent. Shows shares made of counts, as
-- decimals: a division of integers is a whole number on PostgreSQL and a decimal on CockroachDB.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
)
SELECT coalesce(c.genre, '(none)') AS genre, count(*) AS viewings,
       count(*) FILTER (WHERE w.progress >= 90) AS finished,
       round(100.0 * count(*) FILTER (WHERE w.progress >= 90) / count(*), 1) AS finished_percent,
       round(100.0 * count(*) FILTER (WHERE w.progress < 5) / count(*), 1) AS given_up_percent,
       round(avg(w.progress), 1) AS average_progress
FROM watch_history w
CROSS JOIN period p
JOIN content c ON c.content_id = w.content_id
WHERE w.watched_at >= p.since AND w.watched_at < p.until
GROUP BY 1
ORDER BY viewings DESC, 1;

-- name: completion_by_title
-- How viewings of a title end, the most finished first, of titles with enough viewings to tell: finished, or given up
-- in the first five percent. Shows HAVING: groups that are too small are left out after they were counted.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
)
SELECT c.content_id, c.title, count(*) AS viewings,
       round(100.0 * count(*) FILTER (WHERE w.progress >= 90) / count(*), 1) AS finished_percent,
       round(100.0 * count(*) FILTER (WHERE w.progress < 5) / count(*), 1) AS given_up_percent,
       round(avg(w.progress), 1) AS average_progress
FROM watch_history w
CROSS JOIN period p
JOIN content c ON c.content_id = w.content_id
WHERE w.watched_at >= p.since AND w.watched_at < p.until
GROUP BY c.content_id, c.title
HAVING count(*) >= 5 /* :min_viewings */
ORDER BY count(*) FILTER (WHERE w.progress >= 90) * 1.0 / count(*) DESC, c.content_id
LIMIT 20 /* :limit */;

-- name: progress_histogram
-- How far viewings got, in steps of ten percent, and the share that got no further. Shows a histogram made by floor(),
-- and a running share.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), counted AS (
    SELECT w.progress, count(*) AS viewings
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY w.progress
), steps AS (
    SELECT (floor(progress / 10) * 10)::INT8 AS from_percent, sum(viewings) AS viewings
    FROM counted
    GROUP BY 1
)
SELECT from_percent, viewings::INT8 AS viewings,
       round(100.0 * sum(viewings) OVER (ORDER BY from_percent) / sum(viewings) OVER (), 1) AS so_far_percent
FROM steps
ORDER BY from_percent;


-- What a dashboard shows: money and subscribers

-- name: revenue_by_month
-- What was paid in each month, by how many subscribers, what that is for each of them, and the growth over the month
-- before (NULL in a month that is not whole). Shows lag() over a calendar without gaps, so that the row before is the
-- month before.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), paid AS (
    SELECT date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month, count(*) AS payments,
           count(DISTINCT h.payer_id) AS payers, sum(h.amount) AS revenue
    FROM payment_history h, period p
    WHERE h.payment_date >= p.since AND h.payment_date < p.until
    GROUP BY 1
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
), filled AS (
    SELECT m.month, coalesce(p.payments, 0) AS payments, coalesce(p.payers, 0) AS payers,
           coalesce(p.revenue, 0) AS revenue
    FROM months m
    LEFT JOIN paid p ON p.month = m.month
)
SELECT f.month, f.payments, f.payers, f.revenue, round(f.revenue / nullif(f.payers, 0), 2) AS revenue_per_payer,
       CASE WHEN f.month + INTERVAL '1 month' <= p.until AT TIME ZONE 'UTC' THEN
           round(100.0 * (f.revenue - lag(f.revenue) OVER (ORDER BY f.month))
                 / nullif(lag(f.revenue) OVER (ORDER BY f.month), 0), 1)
       END AS growth_percent,
       sum(f.revenue) OVER (ORDER BY f.month) AS revenue_so_far
FROM filled f, period p
ORDER BY f.month;

-- name: revenue_by_month_and_plan
-- What was paid in each month for each plan, its growth over the month before (NULL in a month that is not whole), and
-- the plan's share of the month. Shows two windows in one query: along the months of a plan, and across the plans of a
-- month.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), paid AS (
    SELECT date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month, h.subscription_id,
           count(*) AS payments, sum(h.amount) AS revenue
    FROM payment_history h, period p
    WHERE h.payment_date >= p.since AND h.payment_date < p.until
    GROUP BY 1, 2
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
), filled AS (
    SELECT m.month, s.subscription_id, s.name AS plan, coalesce(p.payments, 0) AS payments,
           coalesce(p.revenue, 0) AS revenue
    FROM months m
    CROSS JOIN subscriptions s
    LEFT JOIN paid p ON p.month = m.month AND p.subscription_id = s.subscription_id
)
SELECT f.month, f.plan, f.payments, f.revenue,
       CASE WHEN f.month + INTERVAL '1 month' <= p.until AT TIME ZONE 'UTC' THEN
           round(100.0 * (f.revenue - lag(f.revenue) OVER (PARTITION BY f.subscription_id ORDER BY f.month))
                 / nullif(lag(f.revenue) OVER (PARTITION BY f.subscription_id ORDER BY f.month), 0), 1)
       END AS growth_percent,
       round(100.0 * f.revenue / nullif(sum(f.revenue) OVER (PARTITION BY f.month), 0), 1) AS share_percent
FROM filled f, period p
ORDER BY f.month, f.subscription_id;

-- name: recurring_revenue_by_month
-- Monthly recurring revenue, what each subscriber paid last in a whole month, and how it moved: new (who never paid
-- before), reactivated (paid before, but not in the month before), expansion and contraction (paid more or less than
-- the month before), churned (paid the month before, and not now). Shows lag() and lead() along the months of each
-- subscriber, and groups by what they find, so that the rest is about few rows.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), last_paid AS (
    SELECT DISTINCT ON (h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE)
           h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month, h.subscription_id,
           h.amount
    FROM payment_history h, period p
    WHERE h.payer_id IS NOT NULL AND h.payment_date >= '1900-01-01Z' AND h.payment_date < p.until
    ORDER BY h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE,
             h.payment_date DESC, h.amount DESC, h.subscription_id
), followed AS (
    SELECT payer_id, month, amount, lag(month) OVER (PARTITION BY payer_id ORDER BY month) AS month_before,
           lag(amount) OVER (PARTITION BY payer_id ORDER BY month) AS amount_before,
           lead(month) OVER (PARTITION BY payer_id ORDER BY month) AS month_after
    FROM last_paid
), moved AS (
    SELECT month, month_before, month_after, count(*) AS subscribers, sum(amount) AS amount,
           sum(greatest(amount - amount_before, 0)) AS expansion, sum(least(amount - amount_before, 0)) AS contraction
    FROM followed
    GROUP BY month, month_before, month_after
), moves AS (
    SELECT month, CASE WHEN month_before IS NULL THEN amount END AS new,
           CASE WHEN month_before < (month - INTERVAL '1 month')::DATE THEN amount END AS reactivated,
           CASE WHEN month_before = (month - INTERVAL '1 month')::DATE THEN expansion END AS expansion,
           CASE WHEN month_before = (month - INTERVAL '1 month')::DATE THEN contraction END AS contraction,
           0 AS churned, amount AS recurring, subscribers
    FROM moved
    UNION ALL
    SELECT (month + INTERVAL '1 month')::DATE, NULL, NULL, NULL, NULL, -amount, 0, 0
    FROM moved
    WHERE month_after IS NULL OR month_after > (month + INTERVAL '1 month')::DATE
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
)
SELECT m.month, coalesce(sum(v.recurring), 0) AS recurring_revenue, coalesce(sum(v.new), 0) AS new,
       coalesce(sum(v.reactivated), 0) AS reactivated, coalesce(sum(v.expansion), 0) AS expansion,
       coalesce(sum(v.contraction), 0) AS contraction, coalesce(sum(v.churned), 0) AS churned,
       round(sum(v.recurring) / nullif(sum(v.subscribers), 0), 2) AS revenue_per_subscriber
FROM months m
CROSS JOIN period p
LEFT JOIN moves v ON v.month = m.month
WHERE m.month + INTERVAL '1 month' <= p.until AT TIME ZONE 'UTC'
GROUP BY m.month
ORDER BY m.month;

-- name: payment_methods
-- How users paid in a period: payments, revenue and share of each method. Shows a window over groups: sum(sum()) OVER
-- ().
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
)
SELECT h.method, count(*) AS payments, sum(h.amount) AS revenue, round(avg(h.amount), 2) AS average_amount,
       round(100.0 * sum(h.amount) / sum(sum(h.amount)) OVER (), 1) AS share_percent
FROM payment_history h, period p
WHERE h.payment_date >= p.since AND h.payment_date < p.until
GROUP BY h.method
ORDER BY revenue DESC, h.method;

-- name: price_changes
-- The prices that each plan was paid at in a period, and from when to when. Shows history read out of the payments: no
-- table keeps old prices.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
)
SELECT s.name AS plan, h.amount, count(*) AS payments, min(h.payment_date) AS first_paid_at,
       max(h.payment_date) AS last_paid_at
FROM payment_history h
CROSS JOIN period p
JOIN subscriptions s ON s.subscription_id = h.subscription_id
WHERE h.payment_date >= p.since AND h.payment_date < p.until
GROUP BY s.subscription_id, s.name, h.amount
ORDER BY s.subscription_id, first_paid_at, h.amount;

-- name: price_rises
-- What a rise of a plan's price did: of those who paid for the plan the month before, how many stay on it, change to
-- another, or leave, next to the share that leaves in other months. A rise is a whole month in which most payments for
-- a plan were higher than most the month before. Shows row_number() for the most frequent value of a group.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), last_paid AS (
    SELECT DISTINCT ON (h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE)
           h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month, h.subscription_id,
           h.amount
    FROM payment_history h, period p
    WHERE h.payer_id IS NOT NULL AND h.payment_date >= '1900-01-01Z' AND h.payment_date < p.until
    ORDER BY h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE,
             h.payment_date DESC, h.amount DESC, h.subscription_id
), counted AS (
    SELECT subscription_id, month, amount,
           row_number() OVER (PARTITION BY subscription_id, month ORDER BY count(*) DESC, amount) AS place
    FROM last_paid
    GROUP BY subscription_id, month, amount
), prices AS (
    SELECT subscription_id, month, amount,
           lag(month) OVER (PARTITION BY subscription_id ORDER BY month) AS month_before,
           lag(amount) OVER (PARTITION BY subscription_id ORDER BY month) AS amount_before
    FROM counted
    WHERE place = 1
), followed AS (
    SELECT b.subscription_id, (b.month + INTERVAL '1 month')::DATE AS month, count(*) AS subscribers_before,
           count(*) FILTER (WHERE a.subscription_id = b.subscription_id) AS stayed,
           count(*) FILTER (WHERE a.subscription_id <> b.subscription_id) AS changed_plan,
           count(*) FILTER (WHERE a.payer_id IS NULL) AS "left"
    FROM last_paid b
    LEFT JOIN last_paid a ON a.payer_id = b.payer_id AND a.month = (b.month + INTERVAL '1 month')::DATE
    GROUP BY 1, 2
), marked AS (
    SELECT f.subscription_id, f.month, f.subscribers_before, f.stayed, f.changed_plan, f."left", c.amount_before,
           c.amount, coalesce(
               c.amount > c.amount_before AND c.month_before = (c.month - INTERVAL '1 month')::DATE, FALSE
           ) AS is_rise
    FROM followed f
    CROSS JOIN period p
    LEFT JOIN prices c ON c.subscription_id = f.subscription_id AND c.month = f.month
    WHERE f.month >= date_trunc('month', p.since AT TIME ZONE 'UTC')::DATE
      AND f.month + INTERVAL '1 month' <= p.until AT TIME ZONE 'UTC'
), usual AS (
    SELECT subscription_id, round(100.0 * sum("left") / sum(subscribers_before), 1) AS left_percent
    FROM marked
    WHERE NOT is_rise
    GROUP BY subscription_id
)
SELECT m.month, s.name AS plan, m.amount_before AS price_before, m.amount AS price, m.subscribers_before, m.stayed,
       m.changed_plan, m."left", round(100.0 * m."left" / m.subscribers_before, 1) AS left_percent,
       u.left_percent AS usual_left_percent
FROM marked m
JOIN subscriptions s ON s.subscription_id = m.subscription_id
LEFT JOIN usual u ON u.subscription_id = m.subscription_id
WHERE m.is_rise
ORDER BY m.month, s.subscription_id;

-- name: plan_changes
-- How subscribers moved between plans in a period: from which to which, and how often. Shows lag() along the payments
-- of each.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), paid AS (
    SELECT h.subscription_id AS now,
           lag(h.subscription_id) OVER (PARTITION BY h.payer_id ORDER BY h.payment_date, h.subscription_id) AS before
    FROM payment_history h, period p
    WHERE h.payer_id IS NOT NULL AND h.payment_date >= p.since AND h.payment_date < p.until
)
SELECT b.name AS from_plan, n.name AS to_plan, count(*) AS changes
FROM paid p
JOIN subscriptions b ON b.subscription_id = p.before
JOIN subscriptions n ON n.subscription_id = p.now
WHERE p.before <> p.now
GROUP BY b.subscription_id, b.name, n.subscription_id, n.name
ORDER BY changes DESC, b.subscription_id, n.subscription_id;

-- name: overdue_payments
-- Users with a plan that costs something who have not paid in the month before :until, those who owe longest first.
-- Shows an anti-join: NOT EXISTS.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), a_month_before AS NOT MATERIALIZED (
    SELECT (until AT TIME ZONE 'UTC' - INTERVAL '1 month') AT TIME ZONE 'UTC' AS since, until FROM period
), paid AS (
    SELECT DISTINCT h.payer_id
    FROM payment_history h, a_month_before p
    WHERE h.payment_date >= p.since AND h.payment_date < p.until
), overdue AS (
    SELECT u.user_id, u.subscription_id, u.created_at, (
               SELECT max(h.payment_date)
               FROM payment_history h, period p
               WHERE h.user_id = u.user_id AND h.payment_date < p.until
           ) AS last_paid_at
    FROM users u, a_month_before p
    WHERE u.created_at < p.since AND NOT EXISTS (SELECT 1 FROM paid h WHERE h.payer_id = u.user_id)
), longest AS (
    SELECT o.user_id, s.name AS plan, s.price, o.last_paid_at, coalesce(o.last_paid_at, o.created_at) AS owing_since
    FROM overdue o
    JOIN subscriptions s ON s.subscription_id = o.subscription_id
    WHERE s.price > 0
    ORDER BY owing_since, o.user_id
    LIMIT 20 /* :limit */
)
SELECT u.user_id, u.name, l.plan, l.price, l.last_paid_at
FROM longest l
JOIN users u ON u.user_id = l.user_id
ORDER BY l.owing_since, u.user_id;

-- name: subscribers_by_plan
-- The users of each plan now, their share, and what they pay a month at the prices of now. Shows a window over groups.
SELECT s.name AS plan, s.price, count(u.subscription_id) AS subscribers,
       round(100.0 * count(u.subscription_id) / nullif(sum(count(u.subscription_id)) OVER (), 0), 1) AS share_percent,
       s.price * count(u.subscription_id) AS a_month
FROM subscriptions s
LEFT JOIN users u ON u.subscription_id = s.subscription_id
GROUP BY s.subscription_id, s.name, s.price
ORDER BY subscribers DESC, s.subscription_id;

-- name: subscribers_by_month
-- Who paid in each month: how many, how many had not paid the month before (joined), how many did then and no more
-- (left), the difference of both, and the churn, left as a share of the month before; the last three are NULL in a
-- month that is not whole. Shows a FULL JOIN of a table with itself, a month apart.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), paid AS (
    SELECT DISTINCT h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month
    FROM payment_history h, period p
    WHERE h.payer_id IS NOT NULL AND h.payment_date < p.until
      AND h.payment_date >= (
          date_trunc('month', p.since AT TIME ZONE 'UTC') - INTERVAL '1 month'
      ) AT TIME ZONE 'UTC'
), moved AS (
    SELECT coalesce(now.month, (before.month + INTERVAL '1 month')::DATE) AS month, count(now.payer_id) AS subscribers,
           count(*) FILTER (WHERE before.payer_id IS NULL) AS joined,
           count(*) FILTER (WHERE now.payer_id IS NULL) AS "left", count(before.payer_id) AS subscribers_before
    FROM paid now
    FULL JOIN paid before
        ON before.payer_id = now.payer_id AND (before.month + INTERVAL '1 month')::DATE = now.month
    GROUP BY 1
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
), filled AS (
    SELECT m.month, m.month + INTERVAL '1 month' <= p.until AT TIME ZONE 'UTC' AS is_whole,
           coalesce(v.subscribers, 0) AS subscribers, coalesce(v.joined, 0) AS joined, coalesce(v."left", 0) AS "left",
           v.subscribers_before
    FROM months m
    CROSS JOIN period p
    LEFT JOIN moved v ON v.month = m.month
)
SELECT month, subscribers, joined, CASE WHEN is_whole THEN "left" END AS "left",
       CASE WHEN is_whole THEN joined - "left" END AS net_additions,
       CASE WHEN is_whole THEN round(100.0 * "left" / nullif(subscribers_before, 0), 1) END AS churn_percent
FROM filled
ORDER BY month;

-- name: churn_by_tenure
-- Churn by how long subscribers are there: of those who paid in their first, second, third month and so on, the share
-- that did not pay in the month after. Shows CASE as the bins of a histogram, sorted by the least of each.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), last_paid AS (
    SELECT DISTINCT ON (h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE)
           h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month, h.subscription_id,
           h.amount
    FROM payment_history h, period p
    WHERE h.payer_id IS NOT NULL AND h.payment_date >= '1900-01-01Z' AND h.payment_date < p.until
    ORDER BY h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE,
             h.payment_date DESC, h.amount DESC, h.subscription_id
), followed AS (
    SELECT payer_id, month, subscription_id, amount, min(month) OVER (PARTITION BY payer_id) AS first_month,
           lead(month) OVER (PARTITION BY payer_id ORDER BY month) AS month_after
    FROM last_paid
), at_risk AS (
    SELECT f.first_month, f.month, count(*) AS subscribers,
           count(*) FILTER (WHERE f.month_after IS NULL OR f.month_after > (f.month + INTERVAL '1 month')::DATE)
               AS "left"
    FROM followed f, period p
    WHERE f.month >= date_trunc('month', p.since AT TIME ZONE 'UTC')::DATE
      AND f.month + INTERVAL '2 months' <= p.until AT TIME ZONE 'UTC'
    GROUP BY f.first_month, f.month
), by_tenure AS (
    SELECT ((extract(year FROM month) - extract(year FROM first_month)) * 12
            + extract(month FROM month) - extract(month FROM first_month))::INT8 + 1 AS tenure, subscribers, "left"
    FROM at_risk
)
SELECT CASE WHEN tenure <= 3 THEN tenure::TEXT WHEN tenure <= 6 THEN '4 to 6' WHEN tenure <= 12 THEN '7 to 12'
            ELSE '13 and more' END AS month_of_subscription,
       sum(subscribers)::INT8 AS subscriber_months, sum("left")::INT8 AS "left",
       round(100.0 * sum("left") / sum(subscribers), 1) AS churn_percent
FROM by_tenure
GROUP BY 1
ORDER BY min(tenure);

-- name: churn_by_plan
-- Churn by plan, and what a subscriber is worth: of those who paid for a plan in a month, the share that did not pay in
-- the month after; lifetime value is what they pay a month divided by that share. Shows figures made of figures, which
-- a second SELECT makes readable.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), last_paid AS (
    SELECT DISTINCT ON (h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE)
           h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month, h.subscription_id,
           h.amount
    FROM payment_history h, period p
    WHERE h.payer_id IS NOT NULL AND h.payment_date >= '1900-01-01Z' AND h.payment_date < p.until
    ORDER BY h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE,
             h.payment_date DESC, h.amount DESC, h.subscription_id
), followed AS (
    SELECT payer_id, month, subscription_id, amount, min(month) OVER (PARTITION BY payer_id) AS first_month,
           lead(month) OVER (PARTITION BY payer_id ORDER BY month) AS month_after
    FROM last_paid
), at_risk AS (
    SELECT f.subscription_id, f.amount,
           ((extract(year FROM f.month) - extract(year FROM f.first_month)) * 12
            + extract(month FROM f.month) - extract(month FROM f.first_month))::INT8 + 1 AS tenure,
           f.month_after IS NULL OR f.month_after > (f.month + INTERVAL '1 month')::DATE AS has_left
    FROM followed f, period p
    WHERE f.month >= date_trunc('month', p.since AT TIME ZONE 'UTC')::DATE
      AND f.month + INTERVAL '2 months' <= p.until AT TIME ZONE 'UTC'
), counted AS (
    SELECT subscription_id, count(*) AS subscriber_months, count(*) FILTER (WHERE has_left) AS "left",
           avg(amount) AS paid
    FROM at_risk
    GROUP BY subscription_id
)
SELECT s.name AS plan, n.subscriber_months, n."left", round(100.0 * n."left" / n.subscriber_months, 1) AS churn_percent,
       round(n.paid, 2) AS paid_a_month, round(1.0 * n.subscriber_months / nullif(n."left", 0), 1) AS lifetime_months,
       round(n.paid * n.subscriber_months / nullif(n."left", 0), 2) AS lifetime_value
FROM counted n
JOIN subscriptions s ON s.subscription_id = n.subscription_id
ORDER BY s.subscription_id;

-- name: retention_cohorts
-- Of those who first paid in the same month, how many paid again one, two, three months later, in whole months. Shows
-- cohorts: min() of each subscriber's months, joined to all the months after it.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), paid AS (
    SELECT DISTINCT h.payer_id, date_trunc('month', h.payment_date AT TIME ZONE 'UTC')::DATE AS month
    FROM payment_history h, period p
    WHERE h.payer_id IS NOT NULL AND h.payment_date >= '1900-01-01Z' AND h.payment_date < p.until
), firsts AS (
    SELECT payer_id, min(month) AS cohort FROM paid GROUP BY payer_id
), sizes AS (
    SELECT cohort, count(*) AS subscribers FROM firsts GROUP BY cohort
), kept AS (
    SELECT f.cohort, p.month, count(*) AS retained
    FROM firsts f
    JOIN paid p ON p.payer_id = f.payer_id
    GROUP BY f.cohort, p.month
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
)
SELECT s.cohort, s.subscribers,
       ((extract(year FROM m.month) - extract(year FROM s.cohort)) * 12
        + extract(month FROM m.month) - extract(month FROM s.cohort))::INT8 AS months_later,
       coalesce(k.retained, 0) AS retained,
       round(100.0 * coalesce(k.retained, 0) / s.subscribers, 1) AS retained_percent
FROM sizes s
CROSS JOIN period p
JOIN months m ON m.month >= s.cohort AND m.month + INTERVAL '1 month' <= p.until AT TIME ZONE 'UTC'
LEFT JOIN kept k ON k.cohort = s.cohort AND k.month = m.month
WHERE s.cohort >= date_trunc('month', p.since AT TIME ZONE 'UTC')::DATE
ORDER BY s.cohort, months_later;

-- name: sign_ups_by_month
-- New users of each month, how many of them watched something within seven days (activated), their share of those whose
-- seven days were over at :until, and the users there are in all. Shows EXISTS, and a running total that begins with
-- those who were there before.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(created_at) AT TIME ZONE 'UTC') - INTERVAL '11 months' FROM users
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(created_at) + INTERVAL '1 second' FROM users
           )) AS until
), signed_up AS (
    SELECT date_trunc('month', u.created_at AT TIME ZONE 'UTC')::DATE AS month,
           u.created_at < p.until - INTERVAL '168 hours' AS is_a_week_ago,
           EXISTS (
               SELECT 1 FROM watch_history w
               WHERE w.user_id = u.user_id AND w.watched_at >= u.created_at
                 AND w.watched_at < u.created_at + INTERVAL '168 hours'
           ) AS is_activated
    FROM users u, period p
    WHERE u.created_at >= p.since AND u.created_at < p.until
), joined AS (
    SELECT month, count(*) AS sign_ups, count(*) FILTER (WHERE is_activated) AS activated,
           count(*) FILTER (WHERE is_a_week_ago AND is_activated) AS activated_a_week_ago,
           count(*) FILTER (WHERE is_a_week_ago) AS a_week_ago
    FROM signed_up
    GROUP BY month
), months AS (
    SELECT month::DATE AS month
    FROM (
        SELECT generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
                               until AT TIME ZONE 'UTC' - INTERVAL '1 microsecond', INTERVAL '1 month') AS month
        FROM period
    ) AS calendar
)
SELECT m.month, coalesce(j.sign_ups, 0) AS sign_ups, coalesce(j.activated, 0) AS activated,
       round(100.0 * j.activated_a_week_ago / nullif(j.a_week_ago, 0), 1) AS activated_percent,
       ((SELECT count(*) FROM users u, period p WHERE u.created_at < p.since)
        + sum(coalesce(j.sign_ups, 0)) OVER (ORDER BY m.month))::INT8 AS users
FROM months m
LEFT JOIN joined j ON j.month = m.month
ORDER BY m.month;

-- name: countries
-- The countries in figures: the users there are, and who of them paid, what, and watched how much in a period. Shows
-- tables that are counted each by itself, and by user, before they are joined.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('month', max(payment_date) AT TIME ZONE 'UTC') - INTERVAL '11 months'
               FROM payment_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(payment_date) + INTERVAL '1 second' FROM payment_history
           )) AS until
), people AS (
    SELECT coalesce(u.country, '(unknown)') AS country, count(*) AS users
    FROM users u, period p
    WHERE u.created_at < p.until
    GROUP BY 1
), by_payer AS (
    SELECT h.payer_id, sum(h.amount) AS revenue
    FROM payment_history h, period p
    WHERE h.payment_date >= p.since AND h.payment_date < p.until
    GROUP BY h.payer_id
), paid AS (
    SELECT coalesce(u.country, '(unknown)') AS country, count(*) AS subscribers, sum(h.revenue) AS revenue
    FROM by_payer h
    JOIN users u ON u.user_id = h.payer_id
    GROUP BY 1
), by_viewer AS (
    SELECT w.user_id, count(*) AS viewings
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
    GROUP BY w.user_id
), watched AS (
    SELECT coalesce(u.country, '(unknown)') AS country, count(*) AS viewers, sum(w.viewings)::INT8 AS viewings
    FROM by_viewer w
    JOIN users u ON u.user_id = w.user_id
    GROUP BY 1
)
SELECT n.country, n.users, coalesce(h.subscribers, 0) AS subscribers, coalesce(h.revenue, 0) AS revenue,
       coalesce(w.viewers, 0) AS viewers, coalesce(w.viewings, 0) AS viewings
FROM people n
LEFT JOIN paid h ON h.country = n.country
LEFT JOIN watched w ON w.country = n.country
ORDER BY n.users DESC, n.country;

-- name: idle_subscribers
-- Users who have a plan, signed up before the period, and watched nothing in it. Shows an anti-join with the viewers of
-- a period.
WITH period AS NOT MATERIALIZED (
    SELECT coalesce(NULL /* :since */::TIMESTAMPTZ, (
               SELECT date_trunc('day', max(watched_at) AT TIME ZONE 'UTC') - INTERVAL '29 days' FROM watch_history
           ) AT TIME ZONE 'UTC') AS since,
           coalesce(NULL /* :until */::TIMESTAMPTZ, (
               SELECT max(watched_at) + INTERVAL '1 second' FROM watch_history
           )) AS until
), active AS (
    SELECT DISTINCT w.user_id
    FROM watch_history w, period p
    WHERE w.watched_at >= p.since AND w.watched_at < p.until
)
SELECT u.user_id, u.name, u.email, s.name AS plan
FROM users u
CROSS JOIN period p
JOIN subscriptions s ON s.subscription_id = u.subscription_id
WHERE u.created_at < p.since
  AND NOT EXISTS (SELECT 1 FROM active w WHERE w.user_id = u.user_id)
ORDER BY u.user_id
LIMIT 20 /* :limit */;


-- What users think, and what they may like

-- name: users_against_critics
-- What users think of each title next to the critics, the widest difference first. Shows HAVING: groups with too few
-- reviews are left out after they were counted.
SELECT c.content_id, c.title, c.rating AS critics, round(avg(r.rating), 1) AS users, count(*) AS reviews,
       round(avg(r.rating) - c.rating, 1) AS difference
FROM reviews r
JOIN content c ON c.content_id = r.content_id
WHERE c.rating IS NOT NULL
GROUP BY c.content_id, c.title, c.rating
HAVING count(*) >= 1 /* :min_reviews */
ORDER BY abs(avg(r.rating) - c.rating) DESC, c.content_id
LIMIT 100 /* :limit */;

-- name: ratings_density
-- How many titles there are for each rating of the critics and each average of the users, both in steps of half a
-- point, and how many of them users like better than the critics do. Shows a histogram in two directions.
SELECT (floor(critics * 2) / 2)::DECIMAL(3, 1) AS critics_from, (floor(users * 2) / 2)::DECIMAL(3, 1) AS users_from,
       count(*) AS titles, count(*) FILTER (WHERE users > critics) AS liked_better, sum(reviews)::INT8 AS reviews
FROM (
    SELECT c.rating AS critics, avg(r.rating) AS users, count(*) AS reviews
    FROM reviews r
    JOIN content c ON c.content_id = r.content_id
    WHERE c.rating IS NOT NULL
    GROUP BY c.content_id, c.rating
    HAVING count(*) >= 1 /* :min_reviews */
) AS rated
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: also_watched
-- Who watched this title lately also watched: the titles with the most viewers in common. Shows a join of a table with
-- itself by way of the users, and a sample: the latest viewings only, so that a title that all know is no more work.
WITH viewers AS (
    SELECT DISTINCT user_id
    FROM (
        SELECT user_id
        FROM watch_history
        WHERE content_id = 1 /* :content_id */
        ORDER BY watched_at DESC, watch_id DESC
        LIMIT 200 /* :sample */
    ) AS latest
)
SELECT c.content_id, c.title, count(DISTINCT w.user_id) AS viewers,
       round(100.0 * count(DISTINCT w.user_id) / (SELECT count(*) FROM viewers), 1) AS share_percent
FROM viewers v
JOIN watch_history w ON w.user_id = v.user_id
JOIN content c ON c.content_id = w.content_id
WHERE w.content_id <> 1 /* :content_id */
GROUP BY c.content_id, c.title
ORDER BY viewers DESC, c.content_id
LIMIT 10 /* :limit */;

-- name: unseen_in_favourite_genres
-- Titles that a user has not watched, in the three genres they finished most in. Shows a LIMIT inside a CTE, and NOT
-- EXISTS for what is unseen.
WITH favourites AS (
    SELECT c.genre, count(*) AS finished
    FROM watch_history w
    JOIN content c ON c.content_id = w.content_id
    WHERE w.user_id = 5 /* :user_id */ AND w.progress >= 90 AND c.genre IS NOT NULL
    GROUP BY c.genre
    ORDER BY finished DESC, c.genre
    LIMIT 3
)
SELECT c.content_id, c.title, c.genre, c.rating, f.finished AS finished_in_genre
FROM favourites f
JOIN content c ON c.genre = f.genre
WHERE NOT EXISTS (
    SELECT 1 FROM watch_history w WHERE w.user_id = 5 /* :user_id */ AND w.content_id = c.content_id
)
ORDER BY f.finished DESC, c.genre, coalesce(c.rating, 0) DESC, c.content_id
LIMIT 10 /* :limit */;
