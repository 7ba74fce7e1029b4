-- When so many more of an account's calls are expected to have ended, of those that are open and those that follow them into
-- its places (null: as many as are open): each lasts as long as the latest did on average. Null: none is open.
CREATE OR REPLACE FUNCTION longhaul_call_ends(p_account text, p_places bigint, p_calls int, p_now timestamptz)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    v_usual interval;
    v_open timestamptz[];
    v_places bigint;
    v_missing bigint;
    v_first timestamptz;
BEGIN
    SELECT make_interval(secs => greatest(coalesce(avg(ended.total_ms) / 1000.0, 1), 0.05)) INTO v_usual FROM (
        SELECT total_ms FROM lease WHERE account_id = p_account AND ended_at IS NOT NULL
        ORDER BY counted_from DESC LIMIT 20) AS ended;
    v_open := ARRAY(
        SELECT greatest(taken_at + v_usual, p_now + v_usual / 10) FROM lease
        WHERE account_id = p_account AND ended_at IS NULL AND expires_at > p_now ORDER BY 1);
    v_places := coalesce(p_places, cardinality(v_open));
    IF v_places = 0 THEN
        RETURN NULL;
    END IF;
    v_missing := p_calls + cardinality(v_open) - v_places;
    IF v_missing <= 0 THEN
        RETURN p_now;
    END IF;
    v_first := coalesce(v_open[1 + (v_missing - 1) % v_places], p_now + v_usual);
    RETURN least(v_first + v_usual * ((v_missing - 1) / v_places), p_now + make_interval(secs => 1.5 + p_calls / 2.0));
END $$;
