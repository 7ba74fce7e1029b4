-- Raise an open hold to `p_to` in all, the whole way or not at all; returns what it is then. A hold that is as high already
-- stays as it is. NULL: there is no hold, because none was needed. Refuses as `longhaul_money_hold`; LH410: it has ended.
CREATE OR REPLACE FUNCTION longhaul_money_extend(p_id text, p_to bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_hold ledger_hold;
    v_more bigint;
BEGIN
    PERFORM longhaul_money_amount(p_to);
    SELECT * INTO v_hold FROM ledger_hold h WHERE h.id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF v_hold.state <> 'open' THEN
        RAISE EXCEPTION 'the hold has ended' USING ERRCODE = 'LH410',
            DETAIL = jsonb_build_object('code', 'request_ended')::text;
    END IF;
    v_more := p_to - v_hold.amount_micros;
    IF v_more <= 0 THEN
        RETURN v_hold.amount_micros;
    END IF;
    PERFORM longhaul_money_reserve(ARRAY(SELECT jsonb_array_elements_text(v_hold.subjects)), v_hold.reservations,
        v_more, v_more);
    IF v_hold.backed THEN
        PERFORM longhaul_money_room(v_hold.wallet_id, v_more, v_more);
    END IF;
    PERFORM longhaul_money_set_aside(p_id, 'extend', v_more);
    RETURN p_to;
END $$;
