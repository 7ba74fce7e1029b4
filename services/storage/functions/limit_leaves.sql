-- When what fell into a sixtieth of a window (`longhaul_limit_slot`) has left it: a window after that sixtieth's end.
CREATE OR REPLACE FUNCTION longhaul_limit_leaves(p_window_s int, p_slot bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT to_timestamp((p_slot + 61) * p_window_s::numeric / 60) + interval '1 microsecond'
$$;
