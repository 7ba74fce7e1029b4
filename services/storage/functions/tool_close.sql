-- The closing half of a tool call in one statement: close it if it is in the state that the caller thinks, and only then
-- store the text that its answer refers to (none: NULL) and append the events that go with its end. Why it failed stays
-- what was told first.
CREATE OR REPLACE FUNCTION longhaul_tool_close(
    p_request text, p_slot text, p_round int, p_n int, p_was text, p_state text, p_answer jsonb, p_marks jsonb,
    p_found boolean, p_error_code text, p_error text, p_ref text, p_body bytea,
    p_sources text[], p_source_seqs bigint[], p_types text[], p_data text[])
RETURNS TABLE (appended bigint, closed boolean) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM request WHERE id = p_request FOR UPDATE;
    UPDATE tool_call SET state = p_state, answer = p_answer, marks = p_marks, found = p_found,
        error_code = CASE p_state WHEN 'finished' THEN NULL ELSE coalesce(error_code, p_error_code) END,
        error = CASE p_state WHEN 'finished' THEN NULL ELSE coalesce(error, p_error) END,
        finished_at = clock_timestamp()
    WHERE request_id = p_request AND slot = p_slot AND round = p_round AND n = p_n AND state = p_was;
    closed := FOUND;
    appended := 0;
    IF closed AND p_ref IS NOT NULL THEN
        PERFORM longhaul_blob_put(p_ref, p_body, false);
    END IF;
    IF closed AND cardinality(p_types) > 0 THEN
        SELECT count(*) INTO appended FROM longhaul_append(p_request, p_sources, p_source_seqs, p_types, p_data);
    END IF;
    RETURN NEXT;
END $$;
