-- Lock what is used of the budgets of some subjects, and return it: tenant before user before key, then by id, as always.
-- A budget that is in `p_reserved` counts in the period that it was reserved in, any other in the present one.
CREATE OR REPLACE FUNCTION longhaul_money_budgets(p_subjects text[], p_reserved jsonb)
RETURNS TABLE (id text, since timestamptz, reserved boolean, hard boolean, limit_micros bigint, soft_percents jsonb,
    spent bigint, held bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    FOR id, since, reserved, hard, limit_micros, soft_percents IN
        SELECT b.id, coalesce((r.value->>'since')::timestamptz, longhaul_money_period(b.period, clock_timestamp())),
            r.value IS NOT NULL, b.hard, b.limit_micros, b.soft_percents
        FROM budget b LEFT JOIN jsonb_array_elements(p_reserved) AS r ON r.value->>'budget' = b.id
        WHERE b.subject = ANY (p_subjects)
        ORDER BY array_position(ARRAY['tenant', 'user', 'key'], split_part(b.subject, ':', 1)), b.subject, b.id
    LOOP
        INSERT INTO budget_use (budget_id, period_start) VALUES (id, since) ON CONFLICT DO NOTHING;
        SELECT u.spent_micros, u.held_micros INTO STRICT spent, held FROM budget_use u
        WHERE u.budget_id = id AND u.period_start = since FOR UPDATE;
        RETURN NEXT;
    END LOOP;
END $$;
