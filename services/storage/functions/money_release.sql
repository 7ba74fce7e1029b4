-- End an open hold: what is left of it is available again. Returns how much that was; NULL: there is no open one. `p_state`
-- says how it ended.
CREATE OR REPLACE FUNCTION longhaul_money_release(p_id text, p_state text DEFAULT 'released') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_hold ledger_hold;
    v_head ledger_transaction;
    v_claim record;
    v_left bigint;
BEGIN
    SELECT * INTO v_hold FROM ledger_hold h WHERE h.id = p_id AND h.state = 'open' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    v_left := v_hold.amount_micros - v_hold.posted_micros;
    UPDATE ledger_hold h SET state = p_state, released_micros = v_left, closed_at = clock_timestamp() WHERE h.id = p_id;
    PERFORM 1 FROM jsonb_array_elements(v_hold.reservations) WITH ORDINALITY AS r (value, place)
    JOIN budget_use u ON u.budget_id = r.value->>'budget' AND u.period_start = (r.value->>'since')::timestamptz
    ORDER BY r.place FOR UPDATE OF u;
    UPDATE budget_use u SET held_micros = u.held_micros - v_left
    FROM jsonb_array_elements(v_hold.reservations) AS r
    WHERE u.budget_id = r.value->>'budget' AND u.period_start = (r.value->>'since')::timestamptz;
    IF v_hold.backed AND v_left > 0 THEN
        UPDATE wallet_balance b SET available_micros = b.available_micros + v_left, held_micros = b.held_micros - v_left
        WHERE b.wallet_id = v_hold.wallet_id;
        v_head.kind := 'release';
        v_head.key := p_id;
        v_head.wallet_id := v_hold.wallet_id;
        v_head.micros := v_left;
        v_head.hold_id := p_id;
        v_claim := longhaul_money_claim(v_head);
        PERFORM longhaul_money_entries(v_claim.id, v_hold.wallet_id, ARRAY['held', 'available'], ARRAY[-v_left, v_left]);
    END IF;
    RETURN v_left;
END $$;
