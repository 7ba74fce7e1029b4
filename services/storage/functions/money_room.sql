-- Lock a wallet's balance and return how much of `p_micros` may be held, at least `p_least`, else this is refused.
CREATE OR REPLACE FUNCTION longhaul_money_room(p_wallet text, p_micros bigint, p_least bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_balance wallet_balance;
    v_room bigint;
BEGIN
    SELECT * INTO STRICT v_balance FROM wallet_balance b WHERE b.wallet_id = p_wallet FOR UPDATE;
    v_room := v_balance.available_micros - v_balance.floor_micros;
    IF v_room + v_balance.held_micros < p_least THEN
        PERFORM longhaul_money_refuse('LH402', NULL, p_least, v_room);
    ELSIF v_room < p_least THEN
        PERFORM longhaul_money_refuse('LH409', NULL, p_least, v_room);
    END IF;
    RETURN least(p_micros, v_room);
END $$;
