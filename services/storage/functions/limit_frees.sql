-- In how many seconds so much more of a limit is free: what came first leaves first. Of concurrency nobody knows: in one.
CREATE OR REPLACE FUNCTION longhaul_limit_frees(p_limit text, p_window_s int, p_missing bigint, p_now timestamptz)
RETURNS double precision LANGUAGE sql VOLATILE AS $$
    SELECT extract(epoch FROM coalesce(min(f.leaves_at), p_now + make_interval(secs => greatest(p_window_s, 1))) - p_now)
    FROM (
        SELECT w.leaves_at, sum(w.used) OVER (ORDER BY w.leaves_at) AS freed FROM caller_window w
        WHERE w.limit_id = p_limit AND w.leaves_at > p_now
    ) AS f WHERE f.freed >= p_missing
$$;
