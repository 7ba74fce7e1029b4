-- Let a lease through the breakers of its account and deployment. One that is not closed takes it for its probe, under the
-- breaker's lock; false: another was faster.
CREATE OR REPLACE FUNCTION longhaul_lease_claim(p_deployment text, p_account text, p_lease text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_scopes text[] := ARRAY['account:' || p_account, 'deployment:' || p_deployment];
BEGIN
    PERFORM FROM breaker WHERE scope = ANY (v_scopes) AND state <> 'closed' ORDER BY scope FOR UPDATE;
    IF NOT FOUND THEN
        RETURN true;
    END IF;
    IF (SELECT bars[1] FROM longhaul_lease_bars(ARRAY[p_deployment], ARRAY[p_account], clock_timestamp())) <> '' THEN
        RETURN false;
    END IF;
    UPDATE breaker SET state = 'half_open', probe = p_lease, updated_at = clock_timestamp(),
        data = data || jsonb_build_object('state', 'half_open', 'probe', p_lease)
    WHERE scope = ANY (v_scopes) AND state <> 'closed';
    RETURN true;
END $$;
