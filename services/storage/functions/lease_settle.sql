-- End a lease, once. `p_known`: its tokens and cost are known; else those that it was reckoned with stay. `p_first_token_ms`
-- of an answer moves the deployment's pace (a moving average), `p_session` of an answer stays with the deployment.
-- `closed`: it was open until now. `troubled`: a breaker of its account or deployment is to be told how it ended.
CREATE OR REPLACE FUNCTION longhaul_lease_settle(
    p_lease text, p_outcome text, p_known boolean, p_input int, p_cached int, p_output int, p_cost bigint,
    p_first_token_ms int, p_total_ms int, p_since_first_byte_s double precision, p_session text,
    p_sticky_s double precision, p_smoothing double precision)
RETURNS TABLE (closed boolean, troubled boolean) LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_lease lease;
BEGIN
    UPDATE lease l SET ended_at = v_now, outcome = p_outcome,
        counted_from = greatest(l.taken_at,
            coalesce(v_now - make_interval(secs => p_since_first_byte_s), l.counted_from, v_now)),
        tokens = CASE WHEN p_known THEN p_input::bigint + p_output ELSE l.tokens END,
        cost_micros = CASE WHEN p_known THEN p_cost ELSE l.cost_micros END,
        input_tokens = p_input, cached_tokens = p_cached, output_tokens = p_output,
        first_token_ms = p_first_token_ms, total_ms = p_total_ms
    WHERE l.id = p_lease AND l.ended_at IS NULL
    RETURNING * INTO v_lease;
    closed := FOUND;
    troubled := closed AND EXISTS (
        SELECT FROM breaker b
        WHERE b.scope IN ('account:' || v_lease.account_id, 'deployment:' || v_lease.deployment_id)
            AND (b.state <> 'closed' OR (b.data->>'failures')::int > 0 OR (b.data->>'throttled')::int > 0));
    IF closed AND p_outcome <> 'unused' THEN
        PERFORM longhaul_usage_add(v_lease);
    END IF;
    IF closed AND p_outcome = 'ok' THEN
        PERFORM longhaul_lease_praise(v_lease, p_session, p_sticky_s, p_smoothing);
    END IF;
    RETURN NEXT;
END $$;
