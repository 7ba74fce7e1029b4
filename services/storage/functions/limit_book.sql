-- Take one from some limits that have room, whose locks the caller holds: what is under way, and what the windows hold.
CREATE OR REPLACE FUNCTION longhaul_limit_book(
    p_id text, p_limits text[], p_requests int, p_tokens bigint, p_ttl_s double precision, p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO caller_use (id, limit_id, reserved, taken_at, expires_at)
    SELECT p_id, l.id, CASE l.kind WHEN 'tokens' THEN longhaul_limit_need(l.kind, l.amount, p_requests, p_tokens) ELSE 0 END,
        p_now, p_now + make_interval(secs => p_ttl_s)
    FROM caller_limit l WHERE l.id = ANY (p_limits) AND l.kind <> 'requests' AND p_ttl_s IS NOT NULL;
    DELETE FROM caller_window w WHERE w.limit_id = ANY (p_limits) AND w.leaves_at <= p_now;
    INSERT INTO caller_window AS w (limit_id, slot, used, leaves_at)
    SELECT l.id, s.slot, longhaul_limit_need(l.kind, l.amount, p_requests, p_tokens),
        longhaul_limit_leaves(l.window_s, s.slot)
    FROM caller_limit l
    CROSS JOIN LATERAL longhaul_limit_slot(nullif(l.window_s, 0), p_now) AS s (slot)
    WHERE l.id = ANY (p_limits) AND l.kind <> 'concurrency'
    ON CONFLICT (limit_id, slot) DO UPDATE SET used = w.used + excluded.used;
END $$;
