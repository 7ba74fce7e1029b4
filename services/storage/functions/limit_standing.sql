-- How the limits of some subjects stand, taking nothing.
CREATE OR REPLACE FUNCTION longhaul_limit_standing(p_subjects text[])
RETURNS TABLE (at timestamptz, id text, subject text, kind text, window_s int, amount bigint, used bigint,
    reset_s double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_limits text[] := longhaul_limit_lock(p_subjects, NULL);
    v_now timestamptz := clock_timestamp();
BEGIN
    PERFORM longhaul_limit_tidy(v_limits, v_now);
    RETURN QUERY
        SELECT v_now, r.id, r.subject, r.kind, r.window_s, r.amount, r.used, r.reset_s
        FROM longhaul_limit_room(v_limits, 0, 0, v_now) AS r;
END $$;
