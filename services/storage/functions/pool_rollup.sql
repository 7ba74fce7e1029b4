-- Add up to `p_limit` ended leases to pool_total and mark them, each exactly once; return how many were marked.
-- 0 is also the answer while another process is at it. A lease by which nothing was sent is marked and adds nothing; one
-- whose process was not heard of for `p_lost_s` seconds after its expiry adds a `lost` call, without tokens or money.
-- Money counts where the usage was told: else a lease has what its call was reckoned with before it was made.
CREATE OR REPLACE FUNCTION longhaul_pool_rollup(
    p_limit int, p_lost_s double precision, p_total_bounds int[], p_first_token_bounds int[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_marked int;
BEGIN
    IF NOT pg_try_advisory_xact_lock(x'10A68A02'::bigint) THEN
        RETURN 0;
    END IF;
    WITH ended AS (
        SELECT id FROM lease WHERE ended_at IS NOT NULL AND NOT rolled_up
        ORDER BY ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), lost AS (
        SELECT id FROM lease
        WHERE ended_at IS NULL AND NOT rolled_up AND expires_at < clock_timestamp() - make_interval(secs => p_lost_s)
        LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), marked AS (
        UPDATE lease l SET rolled_up = true FROM (TABLE ended UNION ALL TABLE lost) AS chosen WHERE l.id = chosen.id
        RETURNING l.account_id, l.deployment_id, l.route, l.ended_at IS NOT NULL AS known,
            CASE WHEN l.ended_at IS NULL THEN 'lost' ELSE coalesce(l.outcome, 'unknown') END AS outcome,
            l.input_tokens, l.cached_tokens, l.output_tokens, l.total_ms, l.first_token_ms,
            CASE WHEN l.tokens = l.input_tokens + l.output_tokens THEN l.cost_micros ELSE 0 END AS cost_micros
    ), added AS (
        INSERT INTO pool_total AS t (account_id, deployment_id, route, outcome, calls, input_tokens, cached_tokens,
            output_tokens, cost_micros, total_ms, first_token_ms, first_tokens, buckets)
        SELECT account_id, deployment_id, route, outcome, count(*),
            coalesce(sum(input_tokens) FILTER (WHERE known), 0), coalesce(sum(cached_tokens) FILTER (WHERE known), 0),
            coalesce(sum(output_tokens) FILTER (WHERE known), 0), coalesce(sum(cost_micros) FILTER (WHERE known), 0),
            coalesce(sum(total_ms) FILTER (WHERE known), 0), coalesce(sum(first_token_ms) FILTER (WHERE known), 0),
            count(first_token_ms) FILTER (WHERE known),
            jsonb_build_object(
                'total', longhaul_histogram(array_agg(total_ms) FILTER (WHERE known), p_total_bounds),
                'first_token', longhaul_histogram(array_agg(first_token_ms) FILTER (WHERE known), p_first_token_bounds))
        FROM marked WHERE outcome <> 'unused'
        GROUP BY account_id, deployment_id, route, outcome
        ON CONFLICT (account_id, deployment_id, route, outcome) DO UPDATE SET
            calls = t.calls + excluded.calls,
            input_tokens = t.input_tokens + excluded.input_tokens,
            cached_tokens = t.cached_tokens + excluded.cached_tokens,
            output_tokens = t.output_tokens + excluded.output_tokens,
            cost_micros = t.cost_micros + excluded.cost_micros,
            total_ms = t.total_ms + excluded.total_ms,
            first_token_ms = t.first_token_ms + excluded.first_token_ms,
            first_tokens = t.first_tokens + excluded.first_tokens,
            buckets = jsonb_build_object(
                'total', longhaul_counts_added(t.buckets->'total', excluded.buckets->'total'),
                'first_token', longhaul_counts_added(t.buckets->'first_token', excluded.buckets->'first_token'))
    )
    SELECT count(*) INTO v_marked FROM marked;
    RETURN v_marked;
END $$;
