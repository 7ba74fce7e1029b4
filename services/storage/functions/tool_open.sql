-- The opening half of a tool call in one statement: open the step's first call, and append the events that go with it.
-- The last event is the call's own. When the step has calls already, `opened` is false, the last event is left out, and
-- the caller looks closer at what there is.
CREATE OR REPLACE FUNCTION longhaul_tool_open(
    p_request text, p_slot text, p_round int, p_launch int, p_server text, p_action_type text, p_name text,
    p_effect text, p_arguments jsonb, p_marker text, p_may_repeat boolean, p_process text,
    p_sources text[], p_source_seqs bigint[], p_types text[], p_data text[])
RETURNS TABLE (appended bigint, opened boolean) LANGUAGE plpgsql AS $$
DECLARE
    v_last int := cardinality(p_types);
BEGIN
    PERFORM 1 FROM request WHERE id = p_request FOR UPDATE;
    INSERT INTO tool_call (request_id, slot, round, n, launch, server, action_type, name, effect, arguments, marker,
        may_repeat, state, process)
    SELECT p_request, p_slot, p_round, 1, p_launch, p_server, p_action_type, p_name, p_effect, p_arguments, p_marker,
        p_may_repeat, 'open', p_process
    WHERE NOT EXISTS (SELECT FROM tool_call c WHERE c.request_id = p_request AND c.slot = p_slot);
    opened := FOUND;
    IF NOT opened THEN
        v_last := v_last - 1;
    END IF;
    SELECT count(*) INTO appended FROM longhaul_append(
        p_request, p_sources[1:v_last], p_source_seqs[1:v_last], p_types[1:v_last], p_data[1:v_last]);
    RETURN NEXT;
END $$;
