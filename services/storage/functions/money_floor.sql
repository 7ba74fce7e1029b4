-- Move a wallet's floor. LH402: less than that is available; LH422: it is a credit line without end, and stays one.
CREATE OR REPLACE FUNCTION longhaul_money_floor(p_wallet text, p_floor bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_available bigint;
BEGIN
    PERFORM longhaul_money_wallet(p_wallet, false);
    SELECT b.available_micros INTO v_available FROM wallet_balance b WHERE b.wallet_id = p_wallet FOR UPDATE;
    IF NOT FOUND OR p_floor IS NULL OR p_floor > 0 OR p_floor < -1000000000000000 THEN
        RAISE EXCEPTION 'a floor is between -10^15 and 0, and a credit line without end has none' USING ERRCODE = 'LH422',
            DETAIL = jsonb_build_object('code', 'wallet_invalid')::text;
    END IF;
    IF v_available < p_floor THEN
        PERFORM longhaul_money_refuse('LH402', NULL, p_floor, v_available);
    END IF;
    UPDATE wallet_balance b SET floor_micros = p_floor WHERE b.wallet_id = p_wallet;
    UPDATE wallet w SET floor_micros = p_floor WHERE w.id = p_wallet;
END $$;
