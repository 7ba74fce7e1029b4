-- Charge what a model call has cost to the wallet of its request: from the hold of the root request first, then from what
-- is available down to the floor; the rest is nobody's loss but ours. So the wallet's and the loss's debits are what the
-- calls cost, always. False: nothing to charge, or charged before (LH410: another amount). Never refuses for want of money:
-- the call has been made. Usage and price are copied from the journal's row, whose transaction this is in.
CREATE OR REPLACE FUNCTION longhaul_money_post(p_request text, p_slot text, p_round int, p_n int, p_micros bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_paid record;
    v_head ledger_transaction;
    v_claim record;
    v_hold ledger_hold;
BEGIN
    SELECT r.wallet_id, r.hold_id, r.tenant, r.owner, r.key_id INTO v_paid FROM request r WHERE r.id = p_request;
    IF p_micros = 0 OR v_paid.wallet_id IS NULL THEN
        RETURN false;
    END IF;
    PERFORM longhaul_money_amount(p_micros);
    SELECT * INTO v_hold FROM ledger_hold h WHERE h.id = v_paid.hold_id FOR UPDATE;
    IF NOT FOUND THEN
        v_hold.state := 'none';
        v_hold.subjects := to_jsonb(longhaul_money_subjects(v_paid.tenant, v_paid.owner, v_paid.key_id));
        v_hold.reservations := '[]';
    END IF;
    v_head.kind := 'post';
    v_head.key := concat_ws('/', p_request, p_slot, p_round, p_n);
    v_head.wallet_id := v_paid.wallet_id;
    v_head.micros := p_micros;
    v_head.hold_id := v_paid.hold_id;
    v_head.request_id := p_request;
    v_head.slot := p_slot;
    v_head.round := p_round;
    v_head.n := p_n;
    SELECT c.price, c.usage INTO v_head.price, v_head.usage FROM model_call c
    WHERE c.request_id = p_request AND c.slot = p_slot AND c.round = p_round AND c.n = p_n;
    v_claim := longhaul_money_claim(v_head);
    IF v_claim.fresh THEN
        PERFORM longhaul_money_charge(v_claim.id, v_head, v_hold);
    END IF;
    RETURN v_claim.fresh;
END $$;
