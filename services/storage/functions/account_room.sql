-- What an account has left within all its limits, configured and learnt; null: no limit. `most_…`: the smallest limit,
-- which a larger call fits into alone at best.
CREATE OR REPLACE FUNCTION longhaul_account_room(
    p_account text, p_now timestamptz,
    OUT requests bigint, OUT tokens bigint, OUT cost_micros bigint, OUT concurrency bigint,
    OUT most_tokens bigint, OUT most_cost bigint) LANGUAGE plpgsql AS $$
DECLARE
    v_limit record;
    v_used record;
BEGIN
    FOR v_limit IN
        SELECT l.window_s,
            min(l.amount) FILTER (WHERE l.kind = 'requests') AS requests,
            min(l.amount) FILTER (WHERE l.kind = 'tokens') AS tokens,
            min(l.amount) FILTER (WHERE l.kind = 'cost_micros') AS cost_micros,
            min(l.amount) FILTER (WHERE l.kind = 'concurrency') AS concurrency
        FROM pool_limit l WHERE l.account_id = p_account GROUP BY l.window_s
    LOOP
        IF v_limit.concurrency IS NOT NULL THEN
            SELECT v_limit.concurrency - count(*) INTO concurrency FROM lease l
            WHERE l.account_id = p_account AND l.ended_at IS NULL AND l.expires_at > p_now;
        ELSE
            SELECT * INTO v_used FROM longhaul_account_used(p_account, v_limit.window_s, p_now);
            requests := least(requests, v_limit.requests - v_used.requests);
            tokens := least(tokens, v_limit.tokens - v_used.tokens);
            cost_micros := least(cost_micros, v_limit.cost_micros - v_used.cost_micros);
            most_tokens := least(most_tokens, v_limit.tokens);
            most_cost := least(most_cost, v_limit.cost_micros);
        END IF;
    END LOOP;
END $$;
