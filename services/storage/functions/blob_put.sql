-- Store a text under its hash, or note, to a day, that it was put again. `of_calls`: only calls of the gateway have put it,
-- so it may go when they do; what anybody else puts, stays. Rows are locked only where there is something to note.
CREATE OR REPLACE FUNCTION longhaul_blob_put(p_ref text, p_body bytea, p_of_calls boolean)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE blob SET put_at = clock_timestamp(), of_calls = of_calls AND p_of_calls
    WHERE ref = p_ref AND (put_at < clock_timestamp() - interval '1 day' OR of_calls > p_of_calls);
    IF FOUND THEN
        RETURN;
    END IF;
    INSERT INTO blob (ref, body, of_calls) VALUES (p_ref, p_body, p_of_calls) ON CONFLICT DO NOTHING;
    IF NOT FOUND AND NOT p_of_calls THEN
        UPDATE blob SET of_calls = false WHERE ref = p_ref AND of_calls;  -- a call put it this very moment
    END IF;
END $$;
