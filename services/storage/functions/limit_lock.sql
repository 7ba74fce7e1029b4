-- Have the turn to count at the limits of some subjects, of these kinds (null: of all). The locks are taken in the order of
-- the subjects (tenant, user, key), the same for all, so that nobody waits in a circle. Whoever counts does so in a later
-- statement: a count in the same one would not see what others committed while it waited.
CREATE OR REPLACE FUNCTION longhaul_limit_lock(p_subjects text[], p_kinds text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    v_limits text[];
BEGIN
    SELECT coalesce(array_agg(held.id), '{}') INTO v_limits FROM (
        SELECT l.id FROM caller_limit l
        WHERE l.subject = ANY (p_subjects) AND (p_kinds IS NULL OR l.kind = ANY (p_kinds))
        ORDER BY array_position(p_subjects, l.subject), l.kind, l.window_s FOR NO KEY UPDATE
    ) AS held;
    RETURN v_limits;
END $$;
