-- A streaming service: plans, users, content, and what the users watch, review and pay.
--
-- Runs unchanged on CockroachDB v20.2 and newer, and on PostgreSQL (where streaming_services.py first creates the
-- function unique_rowid()). Every statement may be run again. Constraints are named because error messages name them,
-- and automatic names differ between servers and versions. upgrade.sql brings a database of an earlier version up to date.

-- Subscription tiers.
CREATE TABLE IF NOT EXISTS subscriptions (
    subscription_id INT8 NOT NULL DEFAULT unique_rowid(),
    name TEXT NOT NULL,
    price DECIMAL(10, 2) NOT NULL,  -- a month
    features JSONB NOT NULL DEFAULT '{}',  -- what the plan includes: {"quality": "HD", "streams": 2, ...}
    CONSTRAINT subscriptions_pkey PRIMARY KEY (subscription_id),
    CONSTRAINT subscriptions_name_key UNIQUE (name),
    -- The upper bound is for what DECIMAL knows beyond numbers: NaN and Infinity.
    CONSTRAINT subscriptions_price_range CHECK (price >= 0 AND price < 100000000)
);

-- The people who watch.
CREATE TABLE IF NOT EXISTS users (
    user_id INT8 NOT NULL DEFAULT unique_rowid(),
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    subscription_id INT8,  -- NULL: no plan
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    country TEXT,  -- ISO 3166-1 alpha-2: DE, KR, ...; NULL: not known
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_email_trimmed CHECK (email = btrim(email, E' \t\n\r')),
    CONSTRAINT users_country_code CHECK (country ~ '^[A-Z][A-Z]$'),
    -- A plan that has subscribers cannot be deleted.
    CONSTRAINT users_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions (subscription_id)
);

CREATE INDEX IF NOT EXISTS users_subscription_id_idx ON users (subscription_id);
-- Who signed up in a period, on which plan and in which country, is read from this index alone.
CREATE INDEX IF NOT EXISTS users_created_at_idx ON users (created_at, user_id) INCLUDE (subscription_id, country);

-- What there is to watch.
CREATE TABLE IF NOT EXISTS content (
    content_id INT8 NOT NULL DEFAULT unique_rowid(),
    title TEXT NOT NULL,
    content_type TEXT NOT NULL,
    genre TEXT,
    release_year INT8,
    rating DECIMAL(3, 1),  -- the critics', 0 to 10; NULL: not rated. Users' ratings are in reviews.
    duration_minutes INT8,  -- of a film, or of one episode; NULL: not known
    episodes INT8,  -- of a series; NULL: it has none, or not known
    CONSTRAINT content_pkey PRIMARY KEY (content_id),
    CONSTRAINT content_type_known CHECK (content_type IN ('movie', 'series', 'documentary', 'other')),
    CONSTRAINT content_rating_range CHECK (rating >= 0 AND rating <= 10),
    CONSTRAINT content_duration_minutes_positive CHECK (duration_minutes > 0),
    CONSTRAINT content_episodes_positive CHECK (episodes > 0)
);

-- Content is found by any of these, and listed in the order of the titles.
CREATE INDEX IF NOT EXISTS content_title_idx ON content (title, content_id);
CREATE INDEX IF NOT EXISTS content_genre_idx ON content (genre, title, content_id);
CREATE INDEX IF NOT EXISTS content_content_type_idx ON content (content_type, title, content_id);
CREATE INDEX IF NOT EXISTS content_release_year_idx ON content (release_year, title, content_id);
CREATE INDEX IF NOT EXISTS content_rating_idx ON content (rating, title, content_id);

-- One row a viewing, updated as it goes on. UUID keys spread the writes over the nodes of a cluster.
CREATE TABLE IF NOT EXISTS watch_history (
    watch_id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id INT8 NOT NULL,
    content_id INT8 NOT NULL,
    watched_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    progress DECIMAL(5, 2) NOT NULL DEFAULT 0,  -- percent; finished from 90 on: few stay for the credits
    episode INT8,  -- of a series, counted from 1; NULL: it has none, or not known
    CONSTRAINT watch_history_pkey PRIMARY KEY (watch_id),
    CONSTRAINT watch_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT watch_history_content_id_fkey FOREIGN KEY (content_id) REFERENCES content (content_id) ON DELETE CASCADE,
    CONSTRAINT watch_history_progress_range CHECK (progress >= 0 AND progress <= 100),
    CONSTRAINT watch_history_episode_positive CHECK (episode > 0)
);

-- A user's latest viewings are read from this index alone.
CREATE INDEX IF NOT EXISTS watch_history_user_id_idx
    ON watch_history (user_id, watched_at DESC, watch_id DESC) INCLUDE (content_id, progress, episode);
-- Who watched a title lately, and how far, is read from this index alone.
CREATE INDEX IF NOT EXISTS watch_history_content_id_idx
    ON watch_history (content_id, watched_at DESC, watch_id DESC) INCLUDE (user_id, progress);
-- What is asked about a period reads that part of this index alone. New viewings are all written at its end: on a
-- cluster that takes thousands of them a second cockroachdb/hash_sharded_indexes.sql puts another in its place.
CREATE INDEX IF NOT EXISTS watch_history_watched_at_idx
    ON watch_history (watched_at) INCLUDE (user_id, content_id, progress, episode);

-- One review for each user and content item.
CREATE TABLE IF NOT EXISTS reviews (
    review_id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id INT8 NOT NULL,
    content_id INT8 NOT NULL,
    rating DECIMAL(3, 1) NOT NULL,  -- 0 to 10
    review_text TEXT,  -- NULL: rated without words
    reviewed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT reviews_pkey PRIMARY KEY (review_id),
    -- Also the index of the foreign key to users.
    CONSTRAINT reviews_user_id_content_id_key UNIQUE (user_id, content_id),
    CONSTRAINT reviews_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT reviews_content_id_fkey FOREIGN KEY (content_id) REFERENCES content (content_id) ON DELETE CASCADE,
    CONSTRAINT reviews_rating_range CHECK (rating >= 0 AND rating <= 10)
);

-- A title's average is read from this index alone, and its latest reviews are found by it. The text stays out: an entry
-- of a PostgreSQL index holds at most 2,704 bytes, and a page of reviews is few rows to look up.
CREATE INDEX IF NOT EXISTS reviews_content_id_idx
    ON reviews (content_id, reviewed_at DESC, review_id DESC) INCLUDE (user_id, rating);

-- Every payment made. Payments are kept when their user is deleted: the money was paid.
CREATE TABLE IF NOT EXISTS payment_history (
    payment_id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id INT8,  -- NULL: the user was deleted
    payer_id INT8,  -- who paid: the user's number, which stays when the user is deleted
    subscription_id INT8 NOT NULL,  -- the plan paid for, whatever the user's plan is now
    amount DECIMAL(10, 2) NOT NULL,
    method TEXT NOT NULL,  -- card, paypal, ...
    payment_date TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT payment_history_pkey PRIMARY KEY (payment_id),
    CONSTRAINT payment_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE SET NULL,
    -- A plan that was paid for cannot be deleted.
    CONSTRAINT payment_history_subscription_id_fkey
        FOREIGN KEY (subscription_id) REFERENCES subscriptions (subscription_id),
    CONSTRAINT payment_history_amount_range CHECK (amount > 0 AND amount < 100000000),
    -- It also says what payer_id is in a fixture that leaves it out.
    CONSTRAINT payment_history_payer_is_user CHECK (payer_id = user_id)
);

-- A user's payments are read from this index alone, and the revenue of a plan from the next.
CREATE INDEX IF NOT EXISTS payment_history_user_id_idx
    ON payment_history (user_id, payment_date DESC, payment_id DESC) INCLUDE (subscription_id, amount, method);
CREATE INDEX IF NOT EXISTS payment_history_subscription_id_idx
    ON payment_history (subscription_id, payment_date) INCLUDE (amount);
-- The payments of a period, of all plans.
CREATE INDEX IF NOT EXISTS payment_history_payment_date_idx
    ON payment_history (payment_date) INCLUDE (payer_id, subscription_id, amount, method);
