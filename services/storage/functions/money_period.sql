-- When a budget's present period began, in UTC.
CREATE OR REPLACE FUNCTION longhaul_money_period(p_period text, p_now timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE p_period WHEN 'total' THEN timestamptz 'epoch' ELSE date_trunc(p_period, p_now, 'UTC') END
$$;
