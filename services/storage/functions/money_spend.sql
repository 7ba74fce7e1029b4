-- Count what a posting spent, of which `p_held` was set aside, in the budgets of some subjects; note each soft limit that is
-- reached by it.
CREATE OR REPLACE FUNCTION longhaul_money_spend(
    p_transaction bigint, p_subjects text[], p_reserved jsonb, p_micros bigint, p_held bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_budget record;
BEGIN
    FOR v_budget IN SELECT * FROM longhaul_money_budgets(p_subjects, p_reserved) LOOP
        UPDATE budget_use u SET spent_micros = u.spent_micros + p_micros,
            held_micros = u.held_micros - CASE WHEN v_budget.reserved THEN p_held ELSE 0 END
        WHERE u.budget_id = v_budget.id AND u.period_start = v_budget.since;
        INSERT INTO budget_posting (transaction_id, budget_id, period_start, micros)
        VALUES (p_transaction, v_budget.id, v_budget.since, p_micros);
        INSERT INTO budget_alert (budget_id, period_start, percent, spent_micros, limit_micros)
        SELECT v_budget.id, v_budget.since, p.percent::int, v_budget.spent + p_micros, v_budget.limit_micros
        FROM jsonb_array_elements_text(v_budget.soft_percents) AS p (percent)
        WHERE (v_budget.spent + p_micros) * 100.0 >= v_budget.limit_micros * p.percent::numeric
            AND NOT EXISTS (SELECT FROM budget_alert a WHERE a.budget_id = v_budget.id
                AND a.period_start = v_budget.since AND a.percent = p.percent::int)
        ON CONFLICT DO NOTHING;
    END LOOP;
END $$;
