-- Take a posting's money: `domain.ledger.split`. The hold is locked; budgets and then the wallet are locked here.
CREATE OR REPLACE FUNCTION longhaul_money_charge(p_transaction bigint, p_head ledger_transaction, p_hold ledger_hold)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_cost bigint := p_head.micros;
    v_held bigint := 0;
    v_backed bigint := 0;
    v_over bigint;
    v_lost bigint := 0;
    v_room bigint;
BEGIN
    IF p_hold.state = 'open' THEN
        v_held := least(v_cost, p_hold.amount_micros - p_hold.posted_micros);
    END IF;
    PERFORM longhaul_money_spend(p_transaction,
        ARRAY(SELECT jsonb_array_elements_text(p_hold.subjects)), p_hold.reservations, v_cost, v_held);
    IF p_hold.backed THEN
        v_backed := v_held;
    END IF;
    v_over := v_cost - v_backed;
    SELECT b.available_micros - b.floor_micros INTO v_room FROM wallet_balance b
    WHERE b.wallet_id = p_head.wallet_id FOR UPDATE;
    IF FOUND THEN
        v_over := least(v_over, v_room);
        v_lost := v_cost - v_backed - v_over;
        UPDATE wallet_balance b
        SET available_micros = b.available_micros - v_over, held_micros = b.held_micros - v_backed
        WHERE b.wallet_id = p_head.wallet_id;
    END IF;
    PERFORM longhaul_money_entries(p_transaction, p_head.wallet_id, ARRAY['held', 'available', 'loss', 'revenue'],
        ARRAY[-v_backed, -v_over, -v_lost, v_cost]);
    UPDATE ledger_hold h SET posted_micros = h.posted_micros + v_held,
        over_micros = h.over_micros + v_cost - v_held - v_lost, lost_micros = h.lost_micros + v_lost
    WHERE h.id = p_hold.id;
END $$;
