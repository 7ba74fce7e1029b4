-- By how long spans, in seconds, an account's usage is summed up for a window of this length; null: not at all, each
-- lease is counted. A span counts as long as its last moment does, so a window may seem fuller than it is, never emptier.
CREATE OR REPLACE FUNCTION longhaul_usage_span(p_window_s double precision) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_window_s <= 120 THEN NULL
        WHEN p_window_s <= 3600 THEN 10
        WHEN p_window_s <= 86400 THEN 60
        ELSE 3600 END
$$;
