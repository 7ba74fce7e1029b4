-- The sum of two arrays of counts, place by place; one that is absent or shorter counts as zeros.
CREATE OR REPLACE FUNCTION longhaul_counts_added(p_a jsonb, p_b jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_agg(coalesce(a::bigint, 0) + coalesce(b::bigint, 0) ORDER BY place)
        FROM ROWS FROM (jsonb_array_elements_text(p_a), jsonb_array_elements_text(p_b))
            WITH ORDINALITY AS both_of (a, b, place));
END $$;
