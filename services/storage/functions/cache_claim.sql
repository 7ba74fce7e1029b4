-- Find the answer kept under a key, or who is making it; else give the making of it to `p_call`, for `p_hold_s` seconds.
-- `standing`: `hit`, `making`, `mine`, or `ended`: whoever was making it has ended, as `outcome` says, `age_s` seconds ago,
-- and has not kept it yet. Answers older than `p_max_age_s` (none: NULL) are not wanted; with 0 neither is one that
-- somebody has begun. A hit takes no lock. Whoever makes an answer clears away some that have expired.
CREATE OR REPLACE FUNCTION longhaul_cache_claim(
    p_owner text, p_key text, p_call text, p_hold_s double precision, p_max_age_s double precision)
RETURNS TABLE (standing text, call_id text, outcome jsonb, age_s double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp();
    v_since timestamptz := coalesce(v_now - make_interval(secs => p_max_age_s), '-infinity');
    v_joins boolean := p_max_age_s IS DISTINCT FROM 0;
    v_row cached_answer;
    v_maker request;
BEGIN
    SELECT * INTO v_row FROM cached_answer c
    WHERE c.owner = p_owner AND c.key = p_key AND c.expires_at > v_now
        AND CASE WHEN c.outcome IS NULL THEN v_joins ELSE c.created_at >= v_since END;
    IF NOT FOUND THEN
        INSERT INTO cached_answer AS c (owner, key, call_id, created_at, expires_at)
        VALUES (p_owner, p_key, p_call, v_now, v_now + make_interval(secs => p_hold_s))
        ON CONFLICT (owner, key) DO UPDATE SET
            call_id = excluded.call_id, outcome = NULL, created_at = excluded.created_at, expires_at = excluded.expires_at
        WHERE c.expires_at <= v_now OR CASE WHEN c.outcome IS NULL THEN NOT v_joins ELSE c.created_at < v_since END;
        IF FOUND THEN
            PERFORM longhaul_cache_purge(20);
        END IF;
        -- Whether taken or not, the row is locked by the INSERT, so it is there.
        SELECT * INTO STRICT v_row FROM cached_answer c WHERE c.owner = p_owner AND c.key = p_key;
    END IF;
    call_id := v_row.call_id;
    outcome := v_row.outcome;
    age_s := greatest(extract(epoch FROM v_now - v_row.created_at), 0);
    standing := CASE WHEN outcome IS NOT NULL THEN 'hit' WHEN call_id = p_call THEN 'mine' ELSE 'making' END;
    IF standing = 'making' THEN
        SELECT * INTO v_maker FROM request r WHERE r.id = v_row.call_id AND r.finished_at IS NOT NULL;
        IF FOUND THEN
            standing := 'ended';
            outcome := v_maker.outcome;
            age_s := greatest(extract(epoch FROM v_now - v_maker.finished_at), 0);
        END IF;
    END IF;
    RETURN NEXT;
END $$;
