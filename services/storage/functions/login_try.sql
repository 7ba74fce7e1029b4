-- Counts a try to log in against each of its subjects (`name:…`, `address:…`), before the password is looked at: so many
-- tries at once are no way round. Returns 0, or, when one of the subjects must wait, the seconds until then; such a try
-- is not counted. From the `p_free`-th failure on the next try has to wait: `p_first_s`, then twice as long for each
-- further failure, up to `p_longest_s`. One failure is forgotten each `p_leak_s` seconds.
CREATE OR REPLACE FUNCTION longhaul_login_try(
    p_subjects text[], p_free int[], p_leak_s float8[], p_first_s float8, p_longest_s float8)
RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v_wait float8;
BEGIN
    DELETE FROM login_failure WHERE subject IN (
        SELECT subject FROM login_failure WHERE last_at < clock_timestamp() - interval '1 day'
        ORDER BY last_at LIMIT 20 FOR UPDATE SKIP LOCKED);
    INSERT INTO login_failure (subject)
    SELECT each FROM unnest(p_subjects) AS s (each) ORDER BY each
    ON CONFLICT DO NOTHING;
    PERFORM FROM login_failure WHERE subject = ANY (p_subjects) ORDER BY subject FOR UPDATE;
    v_now := clock_timestamp();
    SELECT coalesce(max(extract(epoch FROM locked_until - v_now)), 0) INTO v_wait
    FROM login_failure WHERE subject = ANY (p_subjects);
    IF v_wait > 0 THEN
        RETURN v_wait;
    END IF;
    WITH counted AS (
        SELECT s.subject, s.free,
            1 + greatest(f.failures - floor(extract(epoch FROM v_now - f.last_at) / s.leak_s), 0)::int AS failures
        FROM unnest(p_subjects, p_free, p_leak_s) AS s (subject, free, leak_s)
        JOIN login_failure f USING (subject))
    UPDATE login_failure f
    SET failures = c.failures,
        first_at = CASE WHEN c.failures = 1 THEN v_now ELSE f.first_at END,
        last_at = v_now,
        locked_until = CASE WHEN c.failures >= c.free
            THEN v_now + make_interval(secs => least(p_first_s * 2.0 ^ least(c.failures - c.free, 30), p_longest_s)) END
    FROM counted c WHERE f.subject = c.subject;
    RETURN 0;
END
$$;
