-- How some limits stand, and whether they have room for one more: `retry_s` null, or in how many seconds to ask again. The
-- caller holds the limits' locks.
CREATE OR REPLACE FUNCTION longhaul_limit_room(p_limits text[], p_requests int, p_tokens bigint, p_now timestamptz)
RETURNS TABLE (id text, subject text, kind text, window_s int, amount bigint, used bigint, reset_s double precision,
    retry_s double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT l.id, l.subject, l.kind, l.window_s, l.amount, s.used, s.reset_s,
            CASE WHEN s.used + n.need > l.amount
                THEN longhaul_limit_frees(l.id, l.window_s, s.used + n.need - l.amount, p_now) END
        FROM caller_limit l
        CROSS JOIN LATERAL longhaul_limit_need(l.kind, l.amount, p_requests, p_tokens) AS n (need)
        CROSS JOIN LATERAL longhaul_limit_used(l.id, l.kind, p_now) AS s
        WHERE l.id = ANY (p_limits)
        ORDER BY array_position(p_limits, l.id);
END $$;
