-- Into which sixtieth of a window a moment falls. What falls into one counts until the window has left all of it, so that
-- no window of that length, wherever it begins, ever holds more than the limit.
CREATE OR REPLACE FUNCTION longhaul_limit_slot(p_window_s int, p_at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT floor(extract(epoch FROM p_at) * 60 / p_window_s)::bigint
$$;
