-- Close every open call of a request whose work is dead as lost, the oldest first; as `longhaul_call_begin` does for one
-- round, its caller estimates the usage and charges it (`longhaul_call_lost`). The request's row is locked first, as everywhere.
CREATE OR REPLACE FUNCTION longhaul_call_abandon(p_request text)
RETURNS TABLE (slot text, round int, n int, model text, input_tokens int, price jsonb, delivered text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM request r WHERE r.id = p_request FOR UPDATE;
    RETURN QUERY
        WITH lost AS (
            UPDATE model_call c SET state = 'lost', finished_at = clock_timestamp()
            WHERE c.request_id = p_request AND c.state = 'open'
            RETURNING c.slot, c.round, c.n, c.model, c.input_tokens, c.price, c.started_at)
        SELECT l.slot, l.round, l.n, l.model, l.input_tokens, l.price,
            longhaul_call_delivered(p_request, l.slot, l.round, l.n)
        FROM lost l ORDER BY l.started_at, l.slot, l.round, l.n;
END $$;
