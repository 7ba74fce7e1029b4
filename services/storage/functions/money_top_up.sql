-- Bring money into a wallet; see `longhaul_money_move`.
CREATE OR REPLACE FUNCTION longhaul_money_top_up(p_wallet text, p_micros bigint, p_key text, p_reason text, p_actor text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_head ledger_transaction;
BEGIN
    PERFORM longhaul_money_amount(p_micros);
    v_head.kind := 'top_up';
    v_head.key := p_key;
    v_head.wallet_id := p_wallet;
    v_head.micros := p_micros;
    v_head.reason := p_reason;
    v_head.actor := p_actor;
    RETURN longhaul_money_move(v_head, 'top_up');
END $$;
