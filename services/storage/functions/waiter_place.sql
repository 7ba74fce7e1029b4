-- A call's place among those that wait: the one that it has, or the one that it would get now.
-- For each minute of waiting it gains one level of priority; of each fairness key only the one that waits longest does, so
-- that a crowd of old calls does not overtake everybody's newer ones.
CREATE OR REPLACE FUNCTION longhaul_waiter_place(
    p_call text, p_route text, p_accounts text[], p_priority int, p_key text, p_now timestamptz)
RETURNS lease_waiter LANGUAGE plpgsql AS $$
DECLARE
    v_me lease_waiter;
    v_gained int;
BEGIN
    SELECT * INTO v_me FROM lease_waiter WHERE id = p_call;
    IF NOT FOUND THEN
        v_me.id := p_call;
        v_me.priority := p_priority;
        v_me.fairness_key := p_key;
        v_me.since := p_now;
        v_me.rank := p_priority;
        v_me.turn := longhaul_waiter_turn(p_priority, p_key, p_accounts, p_now);
    END IF;
    v_me.route := p_route;
    v_me.accounts := to_jsonb(p_accounts);
    v_gained := greatest(1, v_me.priority - floor(extract(epoch FROM p_now - v_me.since) / 60)::int);
    IF v_gained < v_me.rank AND NOT EXISTS (
        SELECT FROM lease_waiter w
        WHERE w.fairness_key = v_me.fairness_key AND (w.since, w.id) < (v_me.since, v_me.id)
            AND w.expected_at > p_now - interval '1.5 seconds' AND w.accounts ?| p_accounts)
    THEN
        v_me.rank := v_gained;
        v_me.turn := longhaul_waiter_turn(v_gained, v_me.fairness_key, p_accounts, p_now);
    END IF;
    RETURN v_me;
END $$;
