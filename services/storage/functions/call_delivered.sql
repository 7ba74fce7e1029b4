-- The text of a call that is in the log, as evidence of what was used; of chunks that nobody heard, as many characters.
CREATE OR REPLACE FUNCTION longhaul_call_delivered(p_request text, p_slot text, p_round int, p_n int) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(coalesce(e.data->>'text', repeat('x', (e.data->>'size')::int)), '' ORDER BY e.seq), '')
    FROM request_event e
    WHERE e.request_id = p_request AND e.type IN ('text.delta', 'call.chunk')
        AND e.source = format('call/%s/%s/%s/%s', p_request, p_slot, p_round, p_n)
$$;
