-- Note what a call that `longhaul_call_begin` closed as lost has used, by the evidence, and charge it.
CREATE OR REPLACE FUNCTION longhaul_call_lost(
    p_request text, p_slot text, p_round int, p_n int, p_usage jsonb, p_cost_micros bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE model_call SET usage = p_usage, cost_micros = p_cost_micros
    WHERE request_id = p_request AND slot = p_slot AND round = p_round AND n = p_n AND state = 'lost';
    IF FOUND THEN
        PERFORM longhaul_money_post(p_request, p_slot, p_round, p_n, p_cost_micros);
    END IF;
END $$;
