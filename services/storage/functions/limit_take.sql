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
    v_granted boolean;
BEGIN
    v_limits := longhaul_limit_lock(p_subjects, CASE WHEN p_ttl_s IS NULL THEN ARRAY['requests']
        WHEN p_requests = 0 THEN ARRAY['tokens', 'concurrency'] END);
    IF cardinality(v_limits) = 0 THEN
        RETURN;
    END IF;
    v_now := clock_timestamp();
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM longhaul_limit_tidy(v_limits, v_now);
    v_granted := NOT EXISTS (
        SELECT FROM longhaul_limit_room(v_limits, p_requests, p_tokens, v_now) AS r WHERE r.retry_s IS NOT NULL);
    IF v_granted THEN
        PERFORM longhaul_limit_book(p_id, v_limits, p_requests, p_tokens, p_ttl_s, v_now);
    END IF;
    RETURN QUERY
        SELECT v_granted, v_now, r.id, r.subject, r.kind, r.window_s, r.amount, r.used, r.reset_s,
            CASE WHEN NOT v_granted THEN r.retry_s END
        FROM longhaul_limit_room(v_limits, p_requests, p_tokens, v_now) AS r;
END $$;
