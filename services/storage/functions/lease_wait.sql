-- When a refused call asks again, in seconds; if it waits for a place, it keeps its own in the queue until then.
-- The k-th that waits is told when the k-th place frees, so that they do not all come at once; within 20 ms and 30 s. What
-- only rests is asked again when it has rested. At most 20,000 calls wait; one more is told to come back, and has no place.
CREATE OR REPLACE FUNCTION longhaul_lease_wait(
    p_me lease_waiter, p_accounts text[], p_bars text[], p_untils timestamptz[], p_tokens bigint[], p_costs bigint[],
    p_waits boolean, p_now timestamptz) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    v_full text[] := ARRAY(
        SELECT DISTINCT c.account FROM unnest(p_accounts, p_bars) AS c (account, bar) WHERE c.bar IN ('limit', 'queue'));
    v_ahead int := 0;
    v_at timestamptz;
    v_wait_s double precision;
BEGIN
    IF cardinality(v_full) > 0 THEN
        SELECT count(*) INTO v_ahead FROM (
            SELECT FROM lease_waiter w
            WHERE (w.rank, w.turn, w.since, w.id) < (p_me.rank, p_me.turn, p_me.since, p_me.id)
                AND w.expected_at > p_now - interval '1.5 seconds' AND w.accounts ?| v_full
            LIMIT 1000) AS ahead;
    END IF;
    SELECT min(CASE
        WHEN c.bar IN ('limit', 'queue') THEN longhaul_account_frees(
            c.account, ceil((v_ahead + 1)::float8 / greatest(cardinality(v_full), 1))::int, c.tokens, c.cost, p_now)
        WHEN c.bar = 'resting' THEN c.until
        WHEN c.bar <> 'size' THEN p_now + interval '30 seconds' END)
    INTO v_at
    FROM (
        SELECT account, bar, min(until) AS until, min(tokens) AS tokens, min(cost) AS cost
        FROM unnest(p_accounts, p_bars, p_untils, p_tokens, p_costs) AS u (account, bar, until, tokens, cost)
        GROUP BY account, bar) AS c;
    IF v_at IS NULL THEN
        RETURN NULL;
    END IF;
    v_wait_s := greatest(extract(epoch FROM v_at - p_now), 0.02 + 0.002 * least(v_ahead, 500));
    IF v_wait_s > 30 THEN
        v_wait_s := 30 - 7.5 * (v_ahead * 0.618034 - floor(v_ahead * 0.618034));
    END IF;
    IF p_waits AND (cardinality(v_full) > 0 OR EXISTS (SELECT FROM lease_waiter WHERE id = p_me.id)) AND (
        SELECT count(*) < 20000 FROM (SELECT FROM lease_waiter WHERE id <> p_me.id LIMIT 20000) AS waiting)
    THEN
        INSERT INTO lease_waiter AS w (
            id, route, accounts, priority, fairness_key, since, expected_at, rank, turn, tokens, cost_micros)
        VALUES (p_me.id, p_me.route, p_me.accounts, p_me.priority, p_me.fairness_key, p_me.since,
            p_now + make_interval(secs => v_wait_s), p_me.rank, p_me.turn,
            (SELECT min(tokens) FROM unnest(p_tokens) AS tokens), (SELECT min(cost) FROM unnest(p_costs) AS cost))
        ON CONFLICT (id) DO UPDATE SET route = excluded.route, accounts = excluded.accounts,
            expected_at = excluded.expected_at, rank = excluded.rank, turn = excluded.turn,
            tokens = excluded.tokens, cost_micros = excluded.cost_micros;
    END IF;
    RETURN v_wait_s;
END $$;
