"""HTML pages with charts: of the platform, from the queries of queries.sql, or of a run of traffic."""
