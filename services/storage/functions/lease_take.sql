-- Take a lease on the account of the first candidate that is free, in one round trip. Candidates come in the order to try,
-- or are put into order here (`longhaul_lease_order`). `granted`: its place in the arrays, 0: none. `bars`: why a candidate
-- is passed over, '' of those that could answer. `retry_s`: when to ask again; null: never, no candidate will do.
-- Accounts with limits are locked in one order for all; then, in statements of their own, which see what others committed,
-- what is used is counted; then the lease is inserted. An account without limits is neither locked nor counted.
CREATE OR REPLACE FUNCTION longhaul_lease_take(
    p_lease text, p_call text, p_owner text, p_route text, p_process text, p_ttl_s double precision,
    p_deployments text[], p_accounts text[], p_weights int[], p_tokens bigint[], p_costs bigint[], p_input bigint,
    p_mode text, p_stays boolean, p_waits boolean, p_priority int, p_key text)
RETURNS TABLE (granted int, bars text[], retry_s double precision) LANGUAGE plpgsql AS $$
DECLARE
    v_limited text[] := ARRAY(SELECT DISTINCT account_id FROM pool_limit WHERE account_id = ANY (p_accounts));
    v_now timestamptz;
    v_untils timestamptz[];
    v_me lease_waiter;
    v_place int;
BEGIN
    IF p_mode IN ('round_robin', 'least_connections') THEN
        PERFORM longhaul_lock_accounts(p_accounts);
    ELSIF cardinality(v_limited) > 0 THEN
        PERFORM longhaul_lock_accounts(v_limited);
    END IF;
    v_now := clock_timestamp();
    SELECT b.bars, b.untils INTO bars, v_untils FROM longhaul_lease_bars(p_deployments, p_accounts, v_now) AS b;
    IF cardinality(v_limited) > 0 THEN
        v_me := longhaul_waiter_place(p_call, p_route, p_accounts, p_priority, p_key, v_now);
        bars := longhaul_lease_full(v_me, v_limited, p_accounts, bars, p_input, p_tokens, p_costs, v_now);
    END IF;
    granted := 0;
    IF '' = ANY (bars) THEN
        FOREACH v_place IN ARRAY longhaul_lease_order(p_deployments, p_accounts, p_weights, p_mode, p_stays, v_now) LOOP
            CONTINUE WHEN bars[v_place] <> '';
            IF longhaul_lease_claim(p_deployments[v_place], p_accounts[v_place], p_lease) THEN
                granted := v_place;
                EXIT;
            END IF;
            bars[v_place] := 'resting';
            v_untils[v_place] := v_now + interval '1 second';
        END LOOP;
    END IF;
    IF granted = 0 THEN
        IF v_me.id IS NULL THEN
            v_me := longhaul_waiter_place(p_call, p_route, p_accounts, p_priority, p_key, v_now);
        END IF;
        retry_s := longhaul_lease_wait(v_me, p_accounts, bars, v_untils, p_tokens, p_costs, p_waits, v_now);
        RETURN NEXT;
        RETURN;
    END IF;
    v_now := clock_timestamp();  -- after the ends of all that were seen to have ended
    DELETE FROM lease_waiter WHERE id = p_call;
    INSERT INTO lease (
        id, call_id, deployment_id, account_id, route, owner, process, tokens, cost_micros, taken_at, expires_at)
    VALUES (p_lease, p_call, p_deployments[granted], p_accounts[granted], p_route, p_owner, p_process,
        p_tokens[granted], p_costs[granted], v_now, v_now + make_interval(secs => p_ttl_s));
    IF p_mode IN ('round_robin', 'fastest') THEN
        INSERT INTO deployment_pace (deployment_id, taken_at) VALUES (p_deployments[granted], v_now)
        ON CONFLICT (deployment_id) DO UPDATE SET taken_at = excluded.taken_at;
    END IF;
    RETURN NEXT;
END $$;
