-- What keeps deployments from being asked, whatever their limits: `gone`, `parked`, `silent` (their node), `resting` (a
-- breaker, until then; half-open it waits for its probe), or '' for nothing. In the order given.
-- Nodes and breakers are looked at one by one only when there are any to look at.
CREATE OR REPLACE FUNCTION longhaul_lease_bars(
    p_deployments text[], p_accounts text[], p_now timestamptz, OUT bars text[], OUT untils timestamptz[])
LANGUAGE plpgsql AS $$
DECLARE
    v_until timestamptz;
BEGIN
    bars := ARRAY(
        SELECT CASE WHEN a.id IS NULL THEN 'gone' WHEN a.parked_at IS NOT NULL THEN 'parked' ELSE '' END
        FROM unnest(p_accounts) WITH ORDINALITY AS c (id, place) LEFT JOIN pool_account a ON a.id = c.id
        ORDER BY c.place);
    untils := array_fill(NULL::timestamptz, ARRAY[cardinality(bars)]);
    IF EXISTS (SELECT FROM pool_node n WHERE n.account_id = ANY (p_accounts)) THEN
        FOR v_place IN 1 .. cardinality(bars) LOOP
            IF bars[v_place] = '' AND (
                SELECT bool_and(n.seen_at < p_now - make_interval(secs => n.ttl_s)) FROM pool_node n
                WHERE n.account_id = p_accounts[v_place]) THEN
                bars[v_place] := 'silent';
            END IF;
        END LOOP;
    END IF;
    IF EXISTS (
        SELECT FROM breaker b WHERE (b.state <> 'closed' OR b.until > p_now) AND b.scope IN (
            SELECT 'account:' || id FROM unnest(p_accounts) AS id
            UNION ALL SELECT 'deployment:' || id FROM unnest(p_deployments) AS id)) THEN
        FOR v_place IN 1 .. cardinality(bars) LOOP
            SELECT max(CASE WHEN b.until > p_now THEN b.until
                WHEN probe.id IS NOT NULL THEN p_now + interval '1 second' END) INTO v_until
            FROM breaker b LEFT JOIN lease probe ON b.state <> 'closed' AND probe.id = b.probe
                AND probe.ended_at IS NULL AND probe.expires_at > p_now
            WHERE b.scope IN ('account:' || p_accounts[v_place], 'deployment:' || p_deployments[v_place]);
            IF bars[v_place] = '' AND v_until IS NOT NULL THEN
                bars[v_place] := 'resting';
                untils[v_place] := v_until;
            END IF;
        END LOOP;
    END IF;
END $$;
