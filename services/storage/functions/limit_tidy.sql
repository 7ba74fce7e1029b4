-- Book what has ended at these limits since the last turn; the caller holds their locks. Tokens that were reserved and not
-- used are given back where they were taken, those used beyond the reservation count from the end on. What expired without
-- an end stays as it was reserved. An end that is being written this moment is left to the next turn.
CREATE OR REPLACE FUNCTION longhaul_limit_tidy(p_limits text[], p_now timestamptz) RETURNS void LANGUAGE sql AS $$
    WITH over AS (
        SELECT u.id, u.limit_id FROM caller_use u
        WHERE u.limit_id = ANY (p_limits) AND (u.ended_at IS NOT NULL OR u.expires_at <= p_now)
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM caller_use u USING over o WHERE (u.id, u.limit_id) = (o.id, o.limit_id) RETURNING u.*
    ), changed AS (
        SELECT g.limit_id, l.window_s, g.used - g.reserved AS tokens, longhaul_limit_slot(
            l.window_s, CASE WHEN g.used < g.reserved THEN g.taken_at ELSE g.ended_at END) AS slot
        FROM gone g JOIN caller_limit l ON l.id = g.limit_id
        WHERE l.kind = 'tokens' AND g.ended_at IS NOT NULL AND g.used <> g.reserved
    ), booked AS (
        SELECT c.limit_id, c.slot, sum(c.tokens)::bigint AS tokens, longhaul_limit_leaves(c.window_s, c.slot) AS leaves_at
        FROM changed c GROUP BY c.limit_id, c.window_s, c.slot
    )
    INSERT INTO caller_window AS w (limit_id, slot, used, leaves_at)
    SELECT b.limit_id, b.slot, b.tokens, b.leaves_at FROM booked b WHERE b.leaves_at > p_now
    ON CONFLICT (limit_id, slot) DO UPDATE SET used = w.used + excluded.used
$$;
