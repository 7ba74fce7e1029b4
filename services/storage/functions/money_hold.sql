-- Set aside money and budgets for a request or a call: `p_micros`, or as much of it as there is, but `p_least` (NULL: all).
-- Returns what is set aside; NULL: nothing needs to be, on a credit line that no budget bounds. A repeat changes nothing.
-- Refuses with LH402, LH403, LH409 (see `longhaul_money_refuse`); LH410: the id has another hold, or its hold has ended.
CREATE OR REPLACE FUNCTION longhaul_money_hold(
    p_id text, p_wallet text, p_micros bigint, p_subjects text[], p_expires_s double precision,
    p_least bigint DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_wallet wallet;
    v_hold ledger_hold;
    v_reserved record;
    v_micros bigint;
    v_least bigint := least(coalesce(p_least, p_micros), p_micros);
BEGIN
    PERFORM longhaul_money_amount(p_micros);
    v_wallet := longhaul_money_wallet(p_wallet, true);
    IF v_wallet.floor_micros IS NULL
        AND NOT EXISTS (SELECT FROM budget b WHERE b.subject = ANY (p_subjects) AND b.hard)
    THEN
        RETURN NULL;
    END IF;
    INSERT INTO ledger_hold (id, wallet_id, backed, wanted_micros, subjects, expires_at)
    VALUES (p_id, p_wallet, v_wallet.floor_micros IS NOT NULL, p_micros, to_jsonb(p_subjects),
        clock_timestamp() + make_interval(secs => p_expires_s)) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO STRICT v_hold FROM ledger_hold h WHERE h.id = p_id;
        IF (v_hold.wallet_id, v_hold.wanted_micros, v_hold.state) IS DISTINCT FROM (p_wallet, p_micros, 'open') THEN
            RAISE EXCEPTION 'there is another hold for this, or it has ended' USING ERRCODE = 'LH410',
                DETAIL = jsonb_build_object('code', 'held_otherwise')::text;
        END IF;
        RETURN v_hold.amount_micros;
    END IF;
    v_reserved := longhaul_money_reserve(p_subjects, '[]', p_micros, v_least);
    v_micros := v_reserved.micros;
    IF v_wallet.floor_micros IS NOT NULL THEN
        v_micros := longhaul_money_room(p_wallet, v_micros, v_least);
    END IF;
    UPDATE ledger_hold SET reservations = v_reserved.reservations WHERE id = p_id;
    PERFORM longhaul_money_set_aside(p_id, 'hold', v_micros);
    RETURN v_micros;
END $$;
