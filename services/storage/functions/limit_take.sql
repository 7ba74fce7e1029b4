-- Let a caller's call in, in one round trip: lock the limits of its subjects, count, and, if all have room, take from all.
-- `p_requests`: 1, or 0 for what was counted already. `p_ttl_s`: how long the call may last; it is under way, and its tokens
-- reserved, until `longhaul_limit_settle`, or until then; null: nothing stays under way, and only requests are counted.
-- A row for each limit, as it stands afterwards; a call that is refused has changed nothing, and `retry_s` says when to ask
-- again, for the limits that have no room. It is a transaction of its own, and its commit waits for no disk, for others wait
-- for its locks: a crash of the database may forget the calls of its last half second.
CREATE OR REPLACE FUNCTION longhaul_limit_take(
    p_id text, p_subjects text[], p_requests int, p_tokens bigint, p_ttl_s double precision)
RETURNS TABLE (granted boolean, at timestamptz, id text, subject text, kind text, window_s int, amount bigint,
    used bigint, reset_s double precision, retry_s double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_limits text[];
    v_now timestamptz;
BEGIN
    v_limits := longhaul_limit_lock(p_subjects, CASE WHEN p_ttl_s IS NULL THEN ARRAY['requests']
        WHEN p_requests = 0 THEN ARRAY['tokens', 'concurrency'] END);
    IF cardinality(v_limits) = 0 THEN
        RETURN;
    END IF;
    v_now := clock_timestamp();
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM longhaul_limit_tidy(v_limits, v_now);
    -- One look says both whether to refuse and why: ends wait for no lock, and a second look may find room again.
    RETURN QUERY
        WITH room AS MATERIALIZED (SELECT * FROM longhaul_limit_room(v_limits, p_requests, p_tokens, v_now))
        SELECT false, v_now, r.* FROM room AS r WHERE EXISTS (SELECT FROM room WHERE retry_s IS NOT NULL);
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM longhaul_limit_book(p_id, v_limits, p_requests, p_tokens, p_ttl_s, v_now);
    RETURN QUERY
        SELECT true, v_now, r.id, r.subject, r.kind, r.window_s, r.amount, r.used, r.reset_s, NULL::double precision
        FROM longhaul_limit_room(v_limits, p_requests, p_tokens, v_now) AS r;
END $$;
