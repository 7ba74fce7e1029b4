-- Give back what a posting took from its wallet, `p_micros` of it or (NULL) all that has not been given back; returns the
-- transaction, the same key again the first one. LH404: no such posting; LH410: it would be more than the wallet paid.
-- What we lost on the posting was never paid, so it is not given back; budgets still count the posting.
CREATE OR REPLACE FUNCTION longhaul_money_refund(
    p_posting bigint, p_micros bigint, p_key text, p_reason text, p_actor text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_posting ledger_transaction;
    v_head ledger_transaction;
    v_first bigint;
    v_left bigint;
BEGIN
    IF p_micros IS NOT NULL THEN
        PERFORM longhaul_money_amount(p_micros);
    END IF;
    SELECT * INTO v_posting FROM ledger_transaction t WHERE t.id = p_posting AND t.kind = 'post' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such posting' USING ERRCODE = 'LH404', DETAIL = jsonb_build_object('code', 'not_found')::text;
    END IF;
    SELECT t.micros INTO v_first FROM ledger_transaction t
    WHERE t.kind = 'refund' AND t.key = v_posting.wallet_id || '/' || p_key;
    SELECT -sum(e.micros) - (SELECT coalesce(sum(t.micros), 0) FROM ledger_transaction t WHERE t.refund_of = p_posting)
    INTO v_left FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
    WHERE e.transaction_id = p_posting AND a.wallet_id = v_posting.wallet_id;
    v_head.micros := coalesce(p_micros, v_first, v_left);
    IF v_first IS NULL AND (v_head.micros > v_left OR v_left IS NULL OR v_left = 0) THEN
        RAISE EXCEPTION 'this is more than the wallet paid and was not given back' USING ERRCODE = 'LH410',
            DETAIL = jsonb_build_object('code', 'refund_exceeds_posting', 'available_micros', coalesce(v_left, 0))::text;
    END IF;
    v_head.kind := 'refund';
    v_head.key := p_key;
    v_head.wallet_id := v_posting.wallet_id;
    v_head.reason := p_reason;
    v_head.actor := p_actor;
    v_head.hold_id := v_posting.hold_id;
    v_head.refund_of := p_posting;
    RETURN longhaul_money_move(v_head, 'revenue');
END $$;
