-- Counts of milliseconds by bucket: bucket k holds those up to the k-th bound (inclusive), one more those above all.
-- In PL/pgSQL for its plan's sake: SQL functions are planned anew at each call.
CREATE OR REPLACE FUNCTION longhaul_histogram(p_ms int[], p_bounds int[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_agg(coalesce(counted.n, 0) ORDER BY bucket)
        FROM generate_series(0, cardinality(p_bounds)) AS bucket
        LEFT JOIN (
            SELECT width_bucket(ms - 1, p_bounds) AS bucket, count(*) AS n
            FROM unnest(p_ms) AS ms WHERE ms IS NOT NULL GROUP BY 1
        ) AS counted USING (bucket));
END $$;
