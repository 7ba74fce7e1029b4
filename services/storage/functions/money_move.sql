-- Bring money into a wallet, or, negative, take some out of it, against another account; returns the transaction. The same
-- key again gives the first one. Nothing is taken below the floor: LH402, or LH409 if that is for now only.
CREATE OR REPLACE FUNCTION longhaul_money_move(p_head ledger_transaction, p_against text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_claim record;
BEGIN
    PERFORM longhaul_money_amount(abs(p_head.micros));
    PERFORM longhaul_money_wallet(p_head.wallet_id, false);
    p_head.key := p_head.wallet_id || '/' || p_head.key;
    v_claim := longhaul_money_claim(p_head);
    IF v_claim.fresh THEN
        IF p_head.micros < 0 AND EXISTS (SELECT FROM wallet_balance b WHERE b.wallet_id = p_head.wallet_id) THEN
            PERFORM longhaul_money_room(p_head.wallet_id, -p_head.micros, -p_head.micros);
        END IF;
        UPDATE wallet_balance b SET available_micros = b.available_micros + p_head.micros
        WHERE b.wallet_id = p_head.wallet_id
            AND b.available_micros + b.held_micros + p_head.micros <= 1000000000000000000;
        IF NOT FOUND AND EXISTS (SELECT FROM wallet_balance b WHERE b.wallet_id = p_head.wallet_id) THEN
            RAISE EXCEPTION 'a wallet holds 10^18 micro-units at most' USING ERRCODE = 'LH422',
                DETAIL = jsonb_build_object('code', 'wallet_full')::text;
        END IF;
        PERFORM longhaul_money_entries(
            v_claim.id, p_head.wallet_id, ARRAY['available', p_against], ARRAY[p_head.micros, -p_head.micros]);
    END IF;
    RETURN v_claim.id;
END $$;
