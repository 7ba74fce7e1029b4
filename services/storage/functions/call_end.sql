-- The closing half of a model call in one statement: close it, and only if it was still open store the text that its
-- answer refers to (none: NULL) and append the events that go with its end.
CREATE OR REPLACE FUNCTION longhaul_call_end(
    p_request text, p_slot text, p_round int, p_n int, p_state text, p_model text, p_answer jsonb,
    p_finish_reason text, p_refused boolean, p_usage jsonb, p_cost_micros bigint, p_error_code text,
    p_ref text, p_body bytea, p_sources text[], p_source_seqs bigint[], p_types text[], p_data text[])
RETURNS TABLE (appended bigint, closed boolean) LANGUAGE plpgsql AS $$
BEGIN
    closed := longhaul_call_close(p_request, p_slot, p_round, p_n, p_state, p_model, p_answer, p_finish_reason,
        p_refused, p_usage, p_cost_micros, p_error_code);
    appended := 0;
    IF closed AND p_ref IS NOT NULL THEN
        PERFORM longhaul_blob_put(p_ref, p_body, starts_with(p_request, 'call_'));
    END IF;
    IF closed AND cardinality(p_types) > 0 THEN
        SELECT count(*) INTO appended FROM longhaul_append(p_request, p_sources, p_source_seqs, p_types, p_data);
    END IF;
    RETURN NEXT;
END $$;
