-- Remove up to `p_limit` kept answers that have expired, those first that expired first; ones in use are passed over.
CREATE OR REPLACE FUNCTION longhaul_cache_purge(p_limit int) RETURNS bigint LANGUAGE sql AS $$
    WITH expired AS (
        SELECT owner, key FROM cached_answer WHERE expires_at <= clock_timestamp()
        ORDER BY expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM cached_answer c USING expired e WHERE c.owner = e.owner AND c.key = e.key RETURNING 1
    )
    SELECT count(*) FROM removed
$$;
