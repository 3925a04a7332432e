-- Queries worth running on the streaming service. Each can be pasted into any SQL shell, on CockroachDB (v20.2 and
-- newer) and on PostgreSQL. `python dbshell.py --query` lists them, `python dbshell.py --query NAME` runs one.
--
-- What can be changed is a literal with a mark behind it, '2024-01-01 00:00Z' /* :since */: edit the literal, or let a
-- tool bind the parameter. A period begins at :since and ends just before :until. The literals fit the sample data,
-- which is of 2024, and where they are two years also what simulate.py generates, which is of 2025. Days, hours and
-- months are in UTC, whatever the shell's time zone is.
--
-- A viewing is finished from 90 percent on, as in the services: few stay for the credits. A subscriber of a period is a
-- user who paid in it, whether they are still there or were deleted since (payer_id).


-- The six features

-- name: users_and_plans
-- The users, each with the plan they have and its price a month. Shows LEFT JOIN: users without a plan stay, with
-- NULL.
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
-- What a user has begun and not finished, the latest first. Shows DISTINCT ON: the latest viewing of each title.
SELECT c.content_id, c.title, latest.progress, latest.watched_at
FROM (
    SELECT DISTINCT ON (content_id) content_id, progress, watched_at, watch_id
    FROM watch_history
    WHERE user_id = 2 /* :user_id */
    ORDER BY content_id, watched_at DESC, watch_id DESC
) AS latest
JOIN content c ON c.content_id = latest.content_id
WHERE latest.progress < 90
ORDER BY latest.watched_at DESC, latest.watch_id DESC
LIMIT 10 /* :limit */;

-- name: user_history
-- The latest viewings of a user. Shows a covering index: one range of it has all that is asked for.
SELECT w.watched_at, c.content_id, c.title, c.genre, w.progress
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
-- The first and the last day on which somebody signed up, watched or paid. Shows least() and greatest(), which pass over
-- NULL, of tables that may be empty; and min() and max() each by itself, which read one end of an index.
SELECT (least(
           (SELECT min(created_at) FROM users),
           (SELECT min(watched_at) FROM watch_history),
           (SELECT min(payment_date) FROM payment_history)
       ) AT TIME ZONE 'UTC')::DATE AS first_day,
       (greatest(
           (SELECT max(created_at) FROM users),
           (SELECT max(watched_at) FROM watch_history),
           (SELECT max(payment_date) FROM payment_history)
       ) AT TIME ZONE 'UTC')::DATE AS last_day;

-- name: headline_figures
-- The figures of a period next to those of the period of the same length before it. Shows FILTER: one pass over both
-- periods counts each apart; and UNION ALL, which wants the same type in every branch.
WITH people AS (
    SELECT count(*) AS now, count(*) FILTER (WHERE created_at < '2024-06-01 00:00Z' /* :since */) AS before
    FROM users
    WHERE created_at < '2024-07-01 00:00Z' /* :until */
), money AS (
    SELECT count(DISTINCT payer_id) FILTER (WHERE payment_date >= '2024-06-01 00:00Z' /* :since */) AS payers_now,
           count(DISTINCT payer_id) FILTER (WHERE payment_date < '2024-06-01 00:00Z' /* :since */) AS payers_before,
           sum(amount) FILTER (WHERE payment_date >= '2024-06-01 00:00Z' /* :since */) AS now,
           sum(amount) FILTER (WHERE payment_date < '2024-06-01 00:00Z' /* :since */) AS before
    FROM payment_history
    WHERE payment_date < '2024-07-01 00:00Z' /* :until */
      AND payment_date >= ('2024-06-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC' - (
          '2024-07-01 00:00Z' /* :until */::TIMESTAMPTZ - '2024-06-01 00:00Z' /* :since */::TIMESTAMPTZ
      )) AT TIME ZONE 'UTC'
), watching AS (
    SELECT count(*) FILTER (WHERE watched_at >= '2024-06-01 00:00Z' /* :since */) AS now,
           count(*) FILTER (WHERE watched_at < '2024-06-01 00:00Z' /* :since */) AS before,
           count(*) FILTER (WHERE progress >= 90 AND watched_at >= '2024-06-01 00:00Z' /* :since */) AS finished_now,
           count(*) FILTER (WHERE progress >= 90 AND watched_at < '2024-06-01 00:00Z' /* :since */) AS finished_before
    FROM watch_history
    WHERE watched_at < '2024-07-01 00:00Z' /* :until */
      AND watched_at >= ('2024-06-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC' - (
          '2024-07-01 00:00Z' /* :until */::TIMESTAMPTZ - '2024-06-01 00:00Z' /* :since */::TIMESTAMPTZ
      )) AT TIME ZONE 'UTC'
), figures AS (
    SELECT 1 AS place, 'users' AS figure, now::DECIMAL AS now, before::DECIMAL AS before FROM people
    UNION ALL SELECT 2, 'subscribers', payers_now::DECIMAL, payers_before::DECIMAL FROM money
    UNION ALL SELECT 3, 'revenue', coalesce(now, 0)::DECIMAL, coalesce(before, 0)::DECIMAL FROM money
    UNION ALL SELECT 4, 'viewings', now::DECIMAL, before::DECIMAL FROM watching
    UNION ALL SELECT 5, 'titles finished', finished_now::DECIMAL, finished_before::DECIMAL FROM watching
)
SELECT figure, now AS this_period, before AS period_before,
       round(100.0 * (now - before) / nullif(before, 0), 1) AS change_percent
FROM figures
ORDER BY place;

-- name: popular_titles
-- The titles that most people watched in a period. Shows count(DISTINCT): viewers, not viewings.
SELECT c.content_id, c.title, c.genre, count(DISTINCT w.user_id) AS viewers, count(*) AS viewings,
       round(100.0 * count(*) FILTER (WHERE w.progress >= 90) / count(*), 1) AS finished_percent
FROM watch_history w
JOIN content c ON c.content_id = w.content_id
WHERE w.watched_at >= '2024-01-01 00:00Z' /* :since */ AND w.watched_at < '2026-01-01 00:00Z' /* :until */
GROUP BY c.content_id, c.title, c.genre
ORDER BY viewers DESC, viewings DESC, c.content_id
LIMIT 10 /* :limit */;

-- name: popular_titles_by_month
-- The most watched titles of each month, and how many places they rose since the month before (NULL: not watched
-- then). Shows row_number() within each month, and a table joined to itself, one month back.
WITH monthly AS (
    SELECT date_trunc('month', watched_at AT TIME ZONE 'UTC')::DATE AS month, content_id, count(*) AS viewings
    FROM watch_history
    WHERE watched_at >= '2024-01-01 00:00Z' /* :since */ AND watched_at < '2026-01-01 00:00Z' /* :until */
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
WITH viewings AS (
    SELECT date_trunc('month', watched_at AT TIME ZONE 'UTC')::DATE AS month, content_id, count(*) AS viewings
    FROM watch_history
    WHERE watched_at >= '2024-01-01 00:00Z' /* :since */ AND watched_at < '2026-01-01 00:00Z' /* :until */
    GROUP BY 1, 2
), top AS (
    SELECT content_id, sum(viewings) AS viewings
    FROM viewings
    GROUP BY content_id
    ORDER BY 2 DESC, 1
    LIMIT 5 /* :limit */
), months AS (
    SELECT m.month::DATE AS month
    FROM generate_series(
        date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC'),
        '2026-01-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 microsecond',
        INTERVAL '1 month'
    ) AS m (month)
)
SELECT c.content_id, c.title, m.month, coalesce(v.viewings, 0) AS viewings
FROM top t
CROSS JOIN months m
JOIN content c ON c.content_id = t.content_id
LEFT JOIN viewings v ON v.content_id = t.content_id AND v.month = m.month
ORDER BY t.viewings DESC, c.content_id, m.month;

-- name: titles_rising_and_falling
-- The titles whose viewings changed most against the period of the same length before. Shows FILTER, and sorting by
-- how far a figure is from nought.
WITH counted AS (
    SELECT content_id, count(*) FILTER (WHERE watched_at >= '2024-06-01 00:00Z' /* :since */) AS now,
           count(*) FILTER (WHERE watched_at < '2024-06-01 00:00Z' /* :since */) AS before
    FROM watch_history
    WHERE watched_at < '2024-07-01 00:00Z' /* :until */
      AND watched_at >= ('2024-06-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC' - (
          '2024-07-01 00:00Z' /* :until */::TIMESTAMPTZ - '2024-06-01 00:00Z' /* :since */::TIMESTAMPTZ
      )) AT TIME ZONE 'UTC'
    GROUP BY content_id
)
SELECT c.content_id, c.title, n.now AS this_period, n.before AS period_before, n.now - n.before AS change
FROM counted n
JOIN content c ON c.content_id = n.content_id
ORDER BY abs(n.now - n.before) DESC, c.content_id
LIMIT 10 /* :limit */;

-- name: top_users
-- The users who watched most in a period. Shows several aggregates of one group: viewings, titles, days; and a
-- LIMIT before a join, so that only these names are looked up.
SELECT u.user_id, u.name, top.viewings, top.titles, top.finished, top.days
FROM (
    SELECT user_id, count(*) AS viewings, count(DISTINCT content_id) AS titles,
           count(*) FILTER (WHERE progress >= 90) AS finished,
           count(DISTINCT (watched_at AT TIME ZONE 'UTC')::DATE) AS days
    FROM watch_history
    WHERE watched_at >= '2024-01-01 00:00Z' /* :since */ AND watched_at < '2026-01-01 00:00Z' /* :until */
    GROUP BY user_id
    ORDER BY viewings DESC, user_id
    LIMIT 10 /* :limit */
) AS top
JOIN users u ON u.user_id = top.user_id
ORDER BY top.viewings DESC, u.user_id;

-- name: viewings_by_day
-- The viewings of each day, and their average over seven days. Shows a window of rows: ROWS BETWEEN 6 PRECEDING AND
-- CURRENT ROW (the first six days have fewer before them).
WITH counted AS (
    SELECT (watched_at AT TIME ZONE 'UTC')::DATE AS day, count(*) AS viewings
    FROM watch_history
    WHERE watched_at >= '2024-06-01 00:00Z' /* :since */ AND watched_at < '2024-07-01 00:00Z' /* :until */
    GROUP BY 1
), days AS (
    SELECT d.day::DATE AS day
    FROM generate_series(
        date_trunc('day', '2024-06-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC'),
        '2024-07-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 microsecond',
        INTERVAL '1 day'
    ) AS d (day)
)
SELECT d.day, coalesce(n.viewings, 0) AS viewings,
       round(avg(coalesce(n.viewings, 0)) OVER (ORDER BY d.day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW), 1)
           AS seven_day_average
FROM days d
LEFT JOIN counted n ON n.day = d.day
ORDER BY d.day;

-- name: busiest_hours
-- The viewings of a period by weekday (1 is Monday) and hour, all 168 of them. Shows extract(), and CROSS JOIN for the
-- full grid, so that quiet hours are there with 0.
WITH counted AS (
    SELECT extract(isodow FROM watched_at AT TIME ZONE 'UTC')::INT8 AS weekday,
           extract(hour FROM watched_at AT TIME ZONE 'UTC')::INT8 AS hour, count(*) AS viewings
    FROM watch_history
    WHERE watched_at >= '2024-01-01 00:00Z' /* :since */ AND watched_at < '2026-01-01 00:00Z' /* :until */
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
SELECT coalesce(c.genre, '(none)') AS genre, count(*) AS viewings,
       count(*) FILTER (WHERE w.progress >= 90) AS finished,
       round(100.0 * count(*) FILTER (WHERE w.progress >= 90) / count(*), 1) AS finished_percent,
       round(100.0 * count(*) FILTER (WHERE w.progress < 5) / count(*), 1) AS given_up_percent,
       round(avg(w.progress), 1) AS average_progress
FROM watch_history w
JOIN content c ON c.content_id = w.content_id
WHERE w.watched_at >= '2024-01-01 00:00Z' /* :since */ AND w.watched_at < '2026-01-01 00:00Z' /* :until */
GROUP BY 1
ORDER BY viewings DESC, 1;

-- name: progress_histogram
-- How far viewings got, in steps of ten percent, and the share that got no further. Shows a histogram made by floor(),
-- and a running share.
SELECT (floor(progress / 10) * 10)::INT8 AS from_percent, count(*) AS viewings,
       round(100.0 * sum(count(*)) OVER (ORDER BY (floor(progress / 10) * 10)::INT8) / sum(count(*)) OVER (), 1)
           AS so_far_percent
FROM watch_history
WHERE watched_at >= '2024-01-01 00:00Z' /* :since */ AND watched_at < '2026-01-01 00:00Z' /* :until */
GROUP BY 1
ORDER BY 1;


-- What a dashboard shows: money and subscribers

-- name: revenue_by_month
-- What was paid in each month, by how many users, and the growth over the month before. Shows lag() over a calendar
-- without gaps, so that the row before is the month before.
WITH paid AS (
    SELECT date_trunc('month', payment_date AT TIME ZONE 'UTC')::DATE AS month, count(*) AS payments,
           count(DISTINCT payer_id) AS payers, sum(amount) AS revenue
    FROM payment_history
    WHERE payment_date >= '2024-01-01 00:00Z' /* :since */ AND payment_date < '2026-01-01 00:00Z' /* :until */
    GROUP BY 1
), months AS (
    SELECT m.month::DATE AS month
    FROM generate_series(
        date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC'),
        '2026-01-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 microsecond',
        INTERVAL '1 month'
    ) AS m (month)
), filled AS (
    SELECT m.month, coalesce(p.payments, 0) AS payments, coalesce(p.payers, 0) AS payers,
           coalesce(p.revenue, 0) AS revenue
    FROM months m
    LEFT JOIN paid p ON p.month = m.month
)
SELECT month, payments, payers, revenue,
       round(100.0 * (revenue - lag(revenue) OVER (ORDER BY month))
             / nullif(lag(revenue) OVER (ORDER BY month), 0), 1) AS growth_percent,
       sum(revenue) OVER (ORDER BY month) AS revenue_so_far
FROM filled
ORDER BY month;

-- name: revenue_by_month_and_plan
-- What was paid in each month for each plan, its growth over the month before, and the plan's share of the month.
-- Shows two windows in one query: along the months of a plan, and across the plans of a month.
WITH paid AS (
    SELECT date_trunc('month', payment_date AT TIME ZONE 'UTC')::DATE AS month, subscription_id,
           count(*) AS payments, sum(amount) AS revenue
    FROM payment_history
    WHERE payment_date >= '2024-01-01 00:00Z' /* :since */ AND payment_date < '2026-01-01 00:00Z' /* :until */
    GROUP BY 1, 2
), months AS (
    SELECT m.month::DATE AS month
    FROM generate_series(
        date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC'),
        '2026-01-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 microsecond',
        INTERVAL '1 month'
    ) AS m (month)
), filled AS (
    SELECT m.month, s.subscription_id, s.name AS plan, coalesce(p.payments, 0) AS payments,
           coalesce(p.revenue, 0) AS revenue
    FROM months m
    CROSS JOIN subscriptions s
    LEFT JOIN paid p ON p.month = m.month AND p.subscription_id = s.subscription_id
)
SELECT month, plan, payments, revenue,
       round(100.0 * (revenue - lag(revenue) OVER (PARTITION BY subscription_id ORDER BY month))
             / nullif(lag(revenue) OVER (PARTITION BY subscription_id ORDER BY month), 0), 1) AS growth_percent,
       round(100.0 * revenue / nullif(sum(revenue) OVER (PARTITION BY month), 0), 1) AS share_percent
FROM filled
ORDER BY month, subscription_id;

-- name: payment_methods
-- How users paid in a period: payments, revenue and share of each method. Shows a window over groups: sum(sum()) OVER
-- ().
SELECT method, count(*) AS payments, sum(amount) AS revenue, round(avg(amount), 2) AS average_amount,
       round(100.0 * sum(amount) / sum(sum(amount)) OVER (), 1) AS share_percent
FROM payment_history
WHERE payment_date >= '2024-01-01 00:00Z' /* :since */ AND payment_date < '2026-01-01 00:00Z' /* :until */
GROUP BY method
ORDER BY revenue DESC, method;

-- name: price_changes
-- The prices that each plan was paid at in a period, and from when to when. Shows history read out of the payments: no
-- table keeps old prices.
SELECT s.name AS plan, p.amount, count(*) AS payments, min(p.payment_date) AS first_paid_at,
       max(p.payment_date) AS last_paid_at
FROM payment_history p
JOIN subscriptions s ON s.subscription_id = p.subscription_id
WHERE p.payment_date >= '2024-01-01 00:00Z' /* :since */ AND p.payment_date < '2026-01-01 00:00Z' /* :until */
GROUP BY s.subscription_id, s.name, p.amount
ORDER BY s.subscription_id, first_paid_at, p.amount;

-- name: plan_changes
-- How users moved between plans in a period: from which to which, and how often. Shows lag() along each user's
-- payments.
WITH paid AS (
    SELECT subscription_id AS now,
           lag(subscription_id) OVER (PARTITION BY payer_id ORDER BY payment_date, payment_id) AS before
    FROM payment_history
    WHERE payer_id IS NOT NULL
      AND payment_date >= '2024-01-01 00:00Z' /* :since */ AND payment_date < '2026-01-01 00:00Z' /* :until */
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
WITH owing AS (
    SELECT u.user_id, u.subscription_id, u.created_at,
           (SELECT max(p.payment_date) FROM payment_history p
            WHERE p.user_id = u.user_id AND p.payment_date < '2024-08-01 00:00Z' /* :until */) AS last_paid_at
    FROM users u
    WHERE u.created_at < (
          '2024-08-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 month'
      ) AT TIME ZONE 'UTC'
      AND NOT EXISTS (
          SELECT 1 FROM payment_history p
          WHERE p.user_id = u.user_id AND p.payment_date < '2024-08-01 00:00Z' /* :until */
            AND p.payment_date >= (
                '2024-08-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 month'
            ) AT TIME ZONE 'UTC'
      )
), longest AS (
    SELECT o.user_id, s.name AS plan, s.price, o.last_paid_at, coalesce(o.last_paid_at, o.created_at) AS owing_since
    FROM owing o
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
-- (left), and the churn, left as a share of the month before. Shows a FULL JOIN of a table with itself, a month apart.
WITH paid AS (
    SELECT DISTINCT payer_id, date_trunc('month', payment_date AT TIME ZONE 'UTC')::DATE AS month
    FROM payment_history
    WHERE payer_id IS NOT NULL
      AND payment_date >= (
          date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC') - INTERVAL '1 month'
      ) AT TIME ZONE 'UTC'
      AND payment_date < '2026-01-01 00:00Z' /* :until */
), moved AS (
    SELECT coalesce(now.month, (before.month + INTERVAL '1 month')::DATE) AS month, count(now.payer_id) AS subscribers,
           count(*) FILTER (WHERE before.payer_id IS NULL) AS joined,
           count(*) FILTER (WHERE now.payer_id IS NULL) AS "left", count(before.payer_id) AS subscribers_before
    FROM paid now
    FULL JOIN paid before
        ON before.payer_id = now.payer_id AND (before.month + INTERVAL '1 month')::DATE = now.month
    GROUP BY 1
), months AS (
    SELECT m.month::DATE AS month
    FROM generate_series(
        date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC'),
        '2026-01-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 microsecond',
        INTERVAL '1 month'
    ) AS m (month)
)
SELECT m.month, coalesce(v.subscribers, 0) AS subscribers, coalesce(v.joined, 0) AS joined,
       coalesce(v."left", 0) AS "left",
       round(100.0 * v."left" / nullif(v.subscribers_before, 0), 1) AS churn_percent
FROM months m
LEFT JOIN moved v ON v.month = m.month
ORDER BY m.month;

-- name: retention_cohorts
-- Of the users who first paid in the same month, how many paid again one, two, three months later. Shows cohorts:
-- min() of each user's months, joined to all the months after it.
WITH paid AS (
    SELECT DISTINCT payer_id, date_trunc('month', payment_date AT TIME ZONE 'UTC')::DATE AS month
    FROM payment_history
    WHERE payer_id IS NOT NULL AND payment_date < '2026-01-01 00:00Z' /* :until */
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
    SELECT m.month::DATE AS month
    FROM generate_series(
        date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC'),
        '2026-01-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 microsecond',
        INTERVAL '1 month'
    ) AS m (month)
)
SELECT s.cohort, s.subscribers,
       ((extract(year FROM m.month) - extract(year FROM s.cohort)) * 12
        + extract(month FROM m.month) - extract(month FROM s.cohort))::INT8 AS months_later,
       coalesce(k.retained, 0) AS retained,
       round(100.0 * coalesce(k.retained, 0) / s.subscribers, 1) AS retained_percent
FROM sizes s
JOIN months m ON m.month >= s.cohort
LEFT JOIN kept k ON k.cohort = s.cohort AND k.month = m.month
WHERE s.cohort >= date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
ORDER BY s.cohort, months_later;

-- name: sign_ups_by_month
-- New users of each month, how many of them watched something within a week, and the users there are in all. Shows
-- EXISTS, and a running total that begins with those who were there before.
WITH joined AS (
    SELECT date_trunc('month', u.created_at AT TIME ZONE 'UTC')::DATE AS month, count(*) AS sign_ups,
           sum(CASE WHEN EXISTS (
               SELECT 1 FROM watch_history w
               WHERE w.user_id = u.user_id AND w.watched_at >= u.created_at
                 AND w.watched_at < u.created_at + INTERVAL '168 hours'
           ) THEN 1 ELSE 0 END) AS watched_in_a_week
    FROM users u
    WHERE u.created_at >= '2024-01-01 00:00Z' /* :since */ AND u.created_at < '2026-01-01 00:00Z' /* :until */
    GROUP BY 1
), months AS (
    SELECT m.month::DATE AS month
    FROM generate_series(
        date_trunc('month', '2024-01-01 00:00Z' /* :since */::TIMESTAMPTZ AT TIME ZONE 'UTC'),
        '2026-01-01 00:00Z' /* :until */::TIMESTAMPTZ AT TIME ZONE 'UTC' - INTERVAL '1 microsecond',
        INTERVAL '1 month'
    ) AS m (month)
)
SELECT m.month, coalesce(j.sign_ups, 0) AS sign_ups, coalesce(j.watched_in_a_week, 0)::INT8 AS watched_in_a_week,
       ((SELECT count(*) FROM users WHERE created_at < '2024-01-01 00:00Z' /* :since */)
        + sum(coalesce(j.sign_ups, 0)) OVER (ORDER BY m.month))::INT8 AS users
FROM months m
LEFT JOIN joined j ON j.month = m.month
ORDER BY m.month;

-- name: idle_subscribers
-- Users who have a plan, signed up before the period, and watched nothing in it. Shows an anti-join with a range.
SELECT u.user_id, u.name, u.email, s.name AS plan
FROM users u
JOIN subscriptions s ON s.subscription_id = u.subscription_id
WHERE u.created_at < '2024-06-01 00:00Z' /* :since */
  AND NOT EXISTS (
      SELECT 1 FROM watch_history w
      WHERE w.user_id = u.user_id
        AND w.watched_at >= '2024-06-01 00:00Z' /* :since */ AND w.watched_at < '2024-07-01 00:00Z' /* :until */
  )
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
