-- Append streamed text of many requests at once and tell listeners. Unknown requests are skipped, text folds into nothing.
-- Rows are locked in id order first; the second statement then sees what their last holders committed.
CREATE OR REPLACE FUNCTION longhaul_append_text(
    p_requests text[], p_sources text[], p_source_seqs bigint[], p_types text[], p_data text[],
    p_channel text, p_payloads text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM request WHERE id = ANY (p_requests) ORDER BY id FOR UPDATE;
    WITH fresh AS (
        SELECT g.*, r.last_seq + row_number() OVER (PARTITION BY g.request_id ORDER BY g.idx) AS seq
        FROM unnest(p_requests, p_sources, p_source_seqs, p_types, p_data)
            WITH ORDINALITY AS g (request_id, source, source_seq, type, data, idx)
        JOIN request r ON r.id = g.request_id
        WHERE NOT EXISTS (
            SELECT FROM request_event e
            WHERE e.request_id = g.request_id AND e.source = g.source AND e.source_seq = g.source_seq)
    ), stored AS (
        INSERT INTO request_event (request_id, seq, at, type, source, source_seq, data)
        SELECT request_id, seq, clock_timestamp(), type, source, source_seq, data::jsonb FROM fresh
    )
    UPDATE request r SET last_seq = f.seq
    FROM (SELECT request_id, max(seq) AS seq FROM fresh GROUP BY request_id) f
    WHERE r.id = f.request_id;
    PERFORM pg_notify(p_channel, payload) FROM unnest(p_payloads) AS payload;
END $$;
