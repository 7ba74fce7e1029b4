-- When an account is expected to have room for so many more calls of this size, if no others come. A window frees by the
-- clock. A concurrent place frees when a call ends, and so may tokens: when it has lasted as long as others lately, but
-- nobody knows, so the k-th looks again after 2 + (k - 1) / 2 seconds at the latest.
CREATE OR REPLACE FUNCTION longhaul_account_frees(
    p_account text, p_calls int, p_tokens bigint, p_cost bigint, p_now timestamptz)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    v_limit record;
    v_used record;
    v_need bigint;
    v_missing bigint;
    v_rounds bigint;
    v_soonest timestamptz := p_now;
BEGIN
    FOR v_limit IN SELECT kind, window_s, min(amount) AS amount FROM pool_limit
        WHERE account_id = p_account GROUP BY kind, window_s
    LOOP
        IF v_limit.kind = 'concurrency' THEN
            v_soonest := greatest(v_soonest, longhaul_call_ends(p_account, v_limit.amount, p_calls, p_now));
            CONTINUE;
        END IF;
        SELECT * INTO v_used FROM longhaul_account_used(p_account, v_limit.window_s, p_now);
        v_need := CASE v_limit.kind WHEN 'requests' THEN 1
            WHEN 'tokens' THEN least(p_tokens, v_limit.amount) ELSE least(p_cost, v_limit.amount) END;
        v_missing := p_calls * v_need - v_limit.amount + CASE v_limit.kind WHEN 'requests' THEN v_used.requests
            WHEN 'tokens' THEN v_used.tokens ELSE v_used.cost_micros END;
        IF v_missing > 0 THEN
            v_rounds := (v_missing - 1) / v_limit.amount;  -- whole windows that others fill before
            v_soonest := greatest(v_soonest, least(
                longhaul_window_frees(
                    p_account, v_limit.kind, v_limit.window_s, v_missing - v_rounds * v_limit.amount, p_now)
                    + make_interval(secs => v_rounds * v_limit.window_s),
                CASE WHEN v_limit.kind <> 'requests' THEN longhaul_call_ends(p_account, NULL, p_calls, p_now) END));
        END IF;
    END LOOP;
    RETURN v_soonest;
END $$;
