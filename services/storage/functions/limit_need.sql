-- How much of a limit one more takes: a call that alone is larger than a limit of tokens takes all of it.
CREATE OR REPLACE FUNCTION longhaul_limit_need(p_kind text, p_amount bigint, p_requests int, p_tokens bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_kind WHEN 'requests' THEN p_requests WHEN 'concurrency' THEN 1
        ELSE greatest(1, least(p_tokens, p_amount)) END
$$;
