-- Put a wallet right by a signed amount, for a reason; see `longhaul_money_move`.
CREATE OR REPLACE FUNCTION longhaul_money_adjust(p_wallet text, p_micros bigint, p_key text, p_reason text, p_actor text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_head ledger_transaction;
BEGIN
    v_head.kind := 'adjust';
    v_head.key := p_key;
    v_head.wallet_id := p_wallet;
    v_head.micros := p_micros;
    v_head.reason := p_reason;
    v_head.actor := p_actor;
    RETURN longhaul_money_move(v_head, 'adjustment');
END $$;
