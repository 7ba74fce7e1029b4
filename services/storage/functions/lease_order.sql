-- In which order deployments are tried, as places in the arrays: as given, or by what only the database knows for all
-- processes. `p_stays`: the first one is the session's own and stays first.
CREATE OR REPLACE FUNCTION longhaul_lease_order(
    p_deployments text[], p_accounts text[], p_weights int[], p_mode text, p_stays boolean, p_now timestamptz)
RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    v_order int[];
BEGIN
    IF p_mode = 'round_robin' THEN
        SELECT array_agg(c.place ORDER BY NOT (p_stays AND c.place = 1), p.taken_at NULLS FIRST, c.place) INTO v_order
        FROM unnest(p_deployments) WITH ORDINALITY AS c (id, place)
        LEFT JOIN deployment_pace p ON p.deployment_id = c.id;
    ELSIF p_mode = 'least_connections' THEN
        SELECT array_agg(c.place ORDER BY NOT (p_stays AND c.place = 1), open.calls / c.weight::float8, c.place)
        INTO v_order
        FROM unnest(p_deployments, p_accounts, p_weights) WITH ORDINALITY AS c (id, account_id, weight, place)
        CROSS JOIN LATERAL (
            SELECT count(*) AS calls FROM lease l
            WHERE l.account_id = c.account_id AND l.deployment_id = c.id AND l.ended_at IS NULL AND l.expires_at > p_now
        ) AS open;
    ELSE
        v_order := ARRAY(SELECT generate_series(1, cardinality(p_deployments)));
    END IF;
    RETURN v_order;
END $$;
