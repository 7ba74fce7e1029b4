-- What of a limit is used, and in how many seconds all of that will have left its window; of concurrency in 0.
CREATE OR REPLACE FUNCTION longhaul_limit_used(
    p_limit text, p_kind text, p_now timestamptz, OUT used bigint, OUT reset_s double precision) LANGUAGE plpgsql AS $$
BEGIN
    IF p_kind = 'concurrency' THEN
        reset_s := 0;
        SELECT count(*) INTO used FROM caller_use u
        WHERE u.limit_id = p_limit AND u.ended_at IS NULL AND u.expires_at > p_now;
    ELSE
        SELECT coalesce(sum(w.used), 0)::bigint, coalesce(extract(epoch FROM max(w.leaves_at) - p_now), 0)
        INTO longhaul_limit_used.used, reset_s
        FROM caller_window w WHERE w.limit_id = p_limit AND w.leaves_at > p_now AND w.used > 0;
    END IF;
END $$;
