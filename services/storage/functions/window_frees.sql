-- When so much of what fills an account's window has left it.
CREATE OR REPLACE FUNCTION longhaul_window_frees(
    p_account text, p_kind text, p_window_s double precision, p_missing bigint, p_now timestamptz)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    v_window interval := make_interval(secs => p_window_s);
    v_span int := longhaul_usage_span(p_window_s);
    v_at timestamptz;
BEGIN
    SELECT min(f.at) INTO v_at FROM (
        SELECT used.at, sum(CASE p_kind WHEN 'requests' THEN used.requests WHEN 'tokens' THEN used.tokens
            ELSE used.cost_micros END) OVER (ORDER BY used.at) AS freed
        FROM (
            SELECT l.counted_from + v_window AS at, 1 AS requests, l.tokens, l.cost_micros FROM lease l
            WHERE v_span IS NULL AND l.account_id = p_account AND l.ended_at IS NOT NULL
                AND l.counted_from > p_now - v_window AND l.outcome <> 'unused'
            UNION ALL
            SELECT u.starts_at + make_interval(secs => v_span) + v_window, u.requests, u.tokens, u.cost_micros
            FROM account_usage u
            WHERE u.account_id = p_account AND u.span_s = v_span
                AND u.starts_at > p_now - v_window - make_interval(secs => v_span)
            UNION ALL
            SELECT coalesce(l.counted_from, least(l.expires_at, p_now)) + v_window, 1, l.tokens, l.cost_micros FROM lease l
            WHERE l.account_id = p_account AND l.ended_at IS NULL AND l.expires_at > p_now - v_window
        ) AS used
    ) AS f WHERE f.freed >= p_missing;
    RETURN coalesce(v_at, p_now + v_window);
END $$;
