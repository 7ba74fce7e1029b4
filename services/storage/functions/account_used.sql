-- What of an account's window is used. A lease counts from its taking until one window after its first response byte or
-- its end; the lease of a process that died, until one window after it expired; one by which nothing was sent, never.
CREATE OR REPLACE FUNCTION longhaul_account_used(
    p_account text, p_window_s double precision, p_now timestamptz,
    OUT requests bigint, OUT tokens bigint, OUT cost_micros bigint) LANGUAGE plpgsql AS $$
DECLARE
    v_since timestamptz := p_now - make_interval(secs => p_window_s);
    v_span int := longhaul_usage_span(p_window_s);
    v_requests bigint;
    v_tokens bigint;
    v_cost bigint;
BEGIN
    SELECT count(*), sum(l.tokens), sum(l.cost_micros) INTO requests, tokens, cost_micros FROM lease l
    WHERE l.account_id = p_account AND l.ended_at IS NULL AND l.expires_at > v_since
        AND coalesce(l.counted_from, l.expires_at) > v_since;
    IF v_span IS NULL THEN
        SELECT count(*), sum(l.tokens), sum(l.cost_micros) INTO v_requests, v_tokens, v_cost FROM lease l
        WHERE l.account_id = p_account AND l.ended_at IS NOT NULL AND l.counted_from > v_since AND l.outcome <> 'unused';
    ELSE
        SELECT sum(u.requests), sum(u.tokens), sum(u.cost_micros) INTO v_requests, v_tokens, v_cost FROM account_usage u
        WHERE u.account_id = p_account AND u.span_s = v_span AND u.starts_at > v_since - make_interval(secs => v_span);
    END IF;
    requests := requests + coalesce(v_requests, 0);
    tokens := coalesce(tokens, 0) + coalesce(v_tokens, 0);
    cost_micros := coalesce(cost_micros, 0) + coalesce(v_cost, 0);
END $$;
