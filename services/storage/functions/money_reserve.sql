-- Find what the budgets of some subjects still allow, and set it aside: at most `p_micros`, at least `p_least`, else this
-- is refused. Returns where it was set aside (see `ledger_hold.reservations`); `longhaul_money_set_aside` then does it.
CREATE OR REPLACE FUNCTION longhaul_money_reserve(
    p_subjects text[], p_reserved jsonb, p_micros bigint, p_least bigint, OUT micros bigint, OUT reservations jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    v_budget record;
BEGIN
    micros := p_micros;
    reservations := '[]';
    FOR v_budget IN SELECT * FROM longhaul_money_budgets(p_subjects, p_reserved) LOOP
        reservations := reservations || jsonb_build_object('budget', v_budget.id, 'since', v_budget.since);
        CONTINUE WHEN NOT v_budget.hard;
        IF v_budget.limit_micros - v_budget.spent < p_least THEN
            PERFORM longhaul_money_refuse('LH403', v_budget.id, p_least, v_budget.limit_micros - v_budget.spent);
        ELSIF v_budget.limit_micros - v_budget.spent - v_budget.held < p_least THEN
            PERFORM longhaul_money_refuse(
                'LH409', v_budget.id, p_least, v_budget.limit_micros - v_budget.spent - v_budget.held);
        END IF;
        micros := least(micros, v_budget.limit_micros - v_budget.spent - v_budget.held);
    END LOOP;
END $$;
