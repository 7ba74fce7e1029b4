-- Set more aside under a hold: in the wallet, if it has a floor, in the budgets, and in the hold. All are locked by now.
CREATE OR REPLACE FUNCTION longhaul_money_set_aside(p_id text, p_kind text, p_micros bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_hold ledger_hold;
    v_head ledger_transaction;
    v_claim record;
BEGIN
    UPDATE ledger_hold h SET amount_micros = h.amount_micros + p_micros WHERE h.id = p_id RETURNING * INTO STRICT v_hold;
    UPDATE budget_use u SET held_micros = u.held_micros + p_micros
    FROM jsonb_array_elements(v_hold.reservations) AS r
    WHERE u.budget_id = r.value->>'budget' AND u.period_start = (r.value->>'since')::timestamptz;
    IF NOT v_hold.backed THEN
        RETURN;
    END IF;
    UPDATE wallet_balance b SET available_micros = b.available_micros - p_micros, held_micros = b.held_micros + p_micros
    WHERE b.wallet_id = v_hold.wallet_id;
    v_head.kind := p_kind;
    v_head.key := CASE p_kind WHEN 'hold' THEN p_id ELSE p_id || '/' || v_hold.amount_micros END;
    v_head.wallet_id := v_hold.wallet_id;
    v_head.micros := p_micros;
    v_head.hold_id := p_id;
    v_claim := longhaul_money_claim(v_head);
    PERFORM longhaul_money_entries(v_claim.id, v_hold.wallet_id, ARRAY['available', 'held'], ARRAY[-p_micros, p_micros]);
END $$;
