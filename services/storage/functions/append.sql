-- Append events to one request's log and fold the new ones. Returns which of the given events (by index from 1) were new.
-- Gapless: numbers are taken from the request's row under its lock, so nobody commits a later number before an earlier one.
CREATE OR REPLACE FUNCTION longhaul_append(
    p_request text, p_sources text[], p_source_seqs bigint[], p_types text[], p_data text[])
RETURNS TABLE (idx int, seq bigint, at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    v_first bigint;
    v_data jsonb;
BEGIN
    SELECT last_seq INTO v_first FROM request WHERE id = p_request FOR UPDATE;
    IF NOT FOUND THEN
        IF p_types[1] IS DISTINCT FROM 'request.accepted' THEN
            RAISE no_data_found USING MESSAGE = 'no such request';
        END IF;
        INSERT INTO request (id, owner) VALUES (p_request, p_data[1]::jsonb->>'owner') ON CONFLICT DO NOTHING;
        SELECT last_seq INTO v_first FROM request WHERE id = p_request FOR UPDATE;
    END IF;
    seq := v_first;
    at := clock_timestamp();
    FOR v_index IN 1 .. coalesce(cardinality(p_types), 0) LOOP
        v_data := p_data[v_index]::jsonb;
        INSERT INTO request_event AS e (request_id, seq, at, type, source, source_seq, data)
        VALUES (p_request, longhaul_append.seq + 1, longhaul_append.at, p_types[v_index], p_sources[v_index], p_source_seqs[v_index], v_data)
        ON CONFLICT (request_id, source, source_seq) DO NOTHING;
        IF FOUND THEN
            idx := v_index;
            seq := seq + 1;
            PERFORM longhaul_fold(p_request, at, p_types[v_index], v_data);
            RETURN NEXT;
        END IF;
    END LOOP;
    IF seq > v_first THEN
        UPDATE request SET last_seq = longhaul_append.seq WHERE id = p_request;
    END IF;
END $$;
