-- Release the hold of a root request that has ended, unless a call of it or of its sub-requests is still open: what that
-- costs is to be charged to the hold. The call releases it when it closes; if its process died, the reconciler does.
CREATE OR REPLACE FUNCTION longhaul_money_end(p_hold text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM model_call c WHERE c.request_id = p_hold AND c.state = 'open')
        AND NOT EXISTS (
            SELECT FROM request r JOIN model_call c ON c.request_id = r.id AND c.state = 'open'
            WHERE r.hold_id = p_hold AND r.hold_id <> r.id) THEN
        PERFORM longhaul_money_release(p_hold);
    END IF;
END $$;
