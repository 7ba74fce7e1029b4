-- Close an open call, as finished or failed, and charge what it has cost; the last one after the end of its root request
-- releases the hold. False: somebody else closed it. The request's row is locked first, as everywhere, so that two
-- transactions about one request never wait for each other in a circle.
CREATE OR REPLACE FUNCTION longhaul_call_close(
    p_request text, p_slot text, p_round int, p_n int, p_state text, p_model text, p_answer jsonb,
    p_finish_reason text, p_refused boolean, p_usage jsonb, p_cost_micros bigint, p_error_code text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_paid record;
BEGIN
    SELECT r.hold_id, r.finished_at IS NOT NULL OR r.hold_id <> r.id AS may_be_last INTO v_paid
    FROM request r WHERE r.id = p_request FOR UPDATE;
    UPDATE model_call SET state = p_state, model = coalesce(p_model, model), answer = p_answer,
        finish_reason = p_finish_reason, refused = p_refused, usage = p_usage, cost_micros = p_cost_micros,
        error_code = p_error_code, finished_at = clock_timestamp()
    WHERE request_id = p_request AND slot = p_slot AND round = p_round AND n = p_n AND state = 'open';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM longhaul_money_post(p_request, p_slot, p_round, p_n, p_cost_micros);
    IF v_paid.may_be_last THEN
        PERFORM longhaul_money_end(r.id) FROM request r WHERE r.id = v_paid.hold_id AND r.finished_at IS NOT NULL;
    END IF;
    RETURN true;
END $$;
