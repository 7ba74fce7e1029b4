-- Find the answer of a round, or open a call for it. Rows: one 'finished', or any 'lost' and one 'opened'.
-- 'lost' rows are closed here; their caller estimates usage from `input_tokens` and the text that was `delivered`.
CREATE OR REPLACE FUNCTION longhaul_call_begin(
    p_request text, p_slot text, p_round int, p_model text, p_input_tokens int, p_process text,
    p_deployment text, p_price jsonb)
RETURNS TABLE (
    found text, n int, model text, answer jsonb, finish_reason text, refused boolean, usage jsonb, cost_micros bigint,
    input_tokens int, price jsonb, delivered text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM request WHERE id = p_request FOR UPDATE;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = 'no such request';
    END IF;
    RETURN QUERY
        SELECT 'finished', c.n, c.model, c.answer, c.finish_reason, c.refused, c.usage, c.cost_micros, c.input_tokens,
            c.price, ''
        FROM model_call c
        WHERE c.request_id = p_request AND c.slot = p_slot AND c.round = p_round AND c.state = 'finished'
        ORDER BY c.n DESC LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
        UPDATE model_call c SET state = 'lost', finished_at = clock_timestamp()
        WHERE c.request_id = p_request AND c.slot = p_slot AND c.round = p_round AND c.state = 'open'
        RETURNING 'lost', c.n, c.model, NULL::jsonb, NULL, false, NULL::jsonb, 0::bigint, c.input_tokens, c.price,
            longhaul_call_delivered(p_request, p_slot, p_round, c.n);
    RETURN QUERY
        INSERT INTO model_call AS c (request_id, slot, round, n, model, process, input_tokens, deployment, price)
        SELECT p_request, p_slot, p_round, coalesce(max(o.n), 0) + 1, p_model, p_process, p_input_tokens,
            p_deployment, p_price
        FROM model_call o WHERE o.request_id = p_request AND o.slot = p_slot AND o.round = p_round
        RETURNING 'opened', c.n, c.model, NULL::jsonb, NULL, false, NULL::jsonb, 0::bigint, c.input_tokens, c.price, '';
END $$;
