-- Add an ended lease to the sums of its account's long windows, if it has any. Whoever begins a new span removes those that
-- no window reaches any more.
CREATE OR REPLACE FUNCTION longhaul_usage_add(p_lease lease) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_long record;
    v_fresh boolean;
BEGIN
    FOR v_long IN
        SELECT longhaul_usage_span(l.window_s) AS span_s, max(l.window_s) AS window_s FROM pool_limit l
        WHERE l.account_id = p_lease.account_id AND l.window_s > 120 GROUP BY 1 ORDER BY 1
    LOOP
        INSERT INTO account_usage AS u (account_id, span_s, starts_at, requests, tokens, cost_micros)
        VALUES (p_lease.account_id, v_long.span_s,
            to_timestamp(floor(extract(epoch FROM p_lease.counted_from) / v_long.span_s) * v_long.span_s),
            1, p_lease.tokens, p_lease.cost_micros)
        ON CONFLICT (account_id, span_s, starts_at) DO UPDATE SET requests = u.requests + 1,
            tokens = u.tokens + excluded.tokens, cost_micros = u.cost_micros + excluded.cost_micros
        RETURNING (xmax = 0) INTO v_fresh;
        IF v_fresh THEN
            DELETE FROM account_usage u WHERE (u.account_id, u.span_s, u.starts_at) IN (
                SELECT old.account_id, old.span_s, old.starts_at FROM account_usage old
                WHERE old.account_id = p_lease.account_id AND old.span_s = v_long.span_s
                    AND old.starts_at < p_lease.ended_at - make_interval(secs => v_long.window_s + 2 * v_long.span_s)
                FOR UPDATE SKIP LOCKED);
        END IF;
    END LOOP;
END $$;
