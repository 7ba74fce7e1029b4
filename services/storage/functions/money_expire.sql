-- End a hold whose time is over, as `longhaul_money_release`; NULL: it has time left, or has ended. Whoever calls this has
-- made sure that nothing works under it any more.
CREATE OR REPLACE FUNCTION longhaul_money_expire(p_id text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ledger_hold h WHERE h.id = p_id AND h.state = 'open' AND h.expires_at <= clock_timestamp() FOR UPDATE;
    RETURN CASE WHEN FOUND THEN longhaul_money_release(p_id, 'expired') END;
END $$;
