-- Release the hold of a root request that has ended, unless a call of it or of its sub-requests is still open: what that
-- costs is to be charged first. The call releases it when it closes; if its process died, the reconciler does. For its
-- sake a request for which nothing is held gets a hold of nothing then.
CREATE OR REPLACE FUNCTION longhaul_money_end(p_hold text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM model_call c WHERE c.request_id = p_hold AND c.state = 'open')
        OR EXISTS (
            SELECT FROM request r JOIN model_call c ON c.request_id = r.id AND c.state = 'open'
            WHERE r.hold_id = p_hold AND r.hold_id <> r.id) THEN
        INSERT INTO ledger_hold (id, wallet_id, backed, wanted_micros, over_micros, subjects, expires_at)
        SELECT r.id, r.wallet_id, false, 0,
            (SELECT coalesce(sum(t.micros), 0) FROM ledger_transaction t WHERE t.kind = 'post' AND t.hold_id = r.id),
            to_jsonb(longhaul_money_subjects(r.tenant, r.owner, r.key_id)), clock_timestamp()
        FROM request r WHERE r.id = p_hold AND r.wallet_id IS NOT NULL ON CONFLICT DO NOTHING;
    ELSE
        PERFORM longhaul_money_release(p_hold);
    END IF;
END $$;
