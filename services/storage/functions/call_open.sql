-- The opening half of a model call in one statement: append the events that go with it, and open the round's first call.
-- `opened` is false when the round has a call already, whatever became of it: `longhaul_call_begin` then looks closer.
CREATE OR REPLACE FUNCTION longhaul_call_open(
    p_request text, p_sources text[], p_source_seqs bigint[], p_types text[], p_data text[],
    p_slot text, p_round int, p_model text, p_input_tokens int, p_process text, p_deployment text, p_price jsonb)
RETURNS TABLE (appended bigint, opened boolean) LANGUAGE plpgsql AS $$
BEGIN
    SELECT count(*) INTO appended FROM longhaul_append(p_request, p_sources, p_source_seqs, p_types, p_data);
    INSERT INTO model_call (request_id, slot, round, n, model, process, input_tokens, deployment, price)
    SELECT p_request, p_slot, p_round, 1, p_model, p_process, p_input_tokens, p_deployment, p_price
    WHERE NOT EXISTS (
        SELECT FROM model_call c WHERE c.request_id = p_request AND c.slot = p_slot AND c.round = p_round);
    opened := FOUND;
    RETURN NEXT;
END $$;
