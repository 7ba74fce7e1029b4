-- Claim a (kind, key) of the ledger by its transaction; its entries follow. `fresh` false: it was claimed before for the
-- same, and `id` is the first one's; for another amount, wallet or posting it is refused (LH410). Waits for whoever is at it.
CREATE OR REPLACE FUNCTION longhaul_money_claim(p_head ledger_transaction, OUT id bigint, OUT fresh boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_first ledger_transaction;
BEGIN
    INSERT INTO ledger_transaction AS t (
        kind, key, wallet_id, micros, reason, actor, hold_id, request_id, slot, round, n, price, usage, refund_of)
    VALUES (p_head.kind, p_head.key, p_head.wallet_id, p_head.micros, p_head.reason, p_head.actor, p_head.hold_id,
        p_head.request_id, p_head.slot, p_head.round, p_head.n, p_head.price, p_head.usage, p_head.refund_of)
    ON CONFLICT DO NOTHING RETURNING t.id INTO id;
    fresh := FOUND;
    IF NOT fresh THEN
        SELECT * INTO STRICT v_first FROM ledger_transaction t WHERE t.kind = p_head.kind AND t.key = p_head.key;
        IF (v_first.wallet_id, v_first.micros, v_first.refund_of)
            IS DISTINCT FROM (p_head.wallet_id, p_head.micros, p_head.refund_of)
        THEN
            RAISE EXCEPTION 'this % was booked before, for another amount or wallet', p_head.kind
                USING ERRCODE = 'LH410', DETAIL = jsonb_build_object('code', 'booked_otherwise')::text;
        END IF;
        id := v_first.id;
    END IF;
END $$;
