-- Whether what is left of an account's limits (null: no limit) is enough for one call.
CREATE OR REPLACE FUNCTION longhaul_room_for(
    p_requests bigint, p_concurrency bigint, p_tokens bigint, p_cost bigint, p_need_tokens bigint, p_need_cost bigint)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(p_requests >= 1, true) AND coalesce(p_concurrency >= 1, true)
        AND coalesce(p_tokens >= p_need_tokens, true) AND coalesce(p_cost >= p_need_cost, true)
$$;
