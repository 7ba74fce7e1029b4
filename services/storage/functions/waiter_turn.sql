-- The turn of a call that begins to wait: one round after the last of its fairness key, or the round that is being served.
-- So keys are served in turn, however many calls each has waiting.
CREATE OR REPLACE FUNCTION longhaul_waiter_turn(p_rank int, p_key text, p_accounts text[], p_now timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_served bigint;
    v_own bigint;
BEGIN
    SELECT w.turn INTO v_served FROM lease_waiter w
    WHERE w.rank = p_rank AND w.expected_at > p_now - interval '1.5 seconds' AND w.accounts ?| p_accounts
    ORDER BY w.turn LIMIT 1;
    SELECT w.turn INTO v_own FROM lease_waiter w
    WHERE w.fairness_key = p_key AND w.rank = p_rank AND w.expected_at > p_now - interval '1.5 seconds'
        AND w.accounts ?| p_accounts
    ORDER BY w.turn DESC LIMIT 1;
    RETURN greatest(coalesce(v_served, 1), coalesce(v_own + 1, 1));
END $$;
