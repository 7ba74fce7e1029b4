-- Note that a call or request has ended, once. It waits for no limit's lock: what it used is booked by whoever has the turn
-- next. `p_usage`: its tokens (`domain.budget.Usage`); null: those of its calls in the journal are added up, and of those of
-- the requests that it has started as steps, which work under its hold.
CREATE OR REPLACE FUNCTION longhaul_limit_settle(p_id text, p_usage jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_tokens bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM caller_use WHERE id = p_id AND ended_at IS NULL) THEN
        RETURN;
    END IF;
    IF p_usage IS NULL THEN
        SELECT coalesce(sum((c.usage->>'input_tokens')::bigint + (c.usage->>'output_tokens')::bigint), 0) INTO v_tokens
        FROM model_call c WHERE c.request_id = ANY (ARRAY(
            SELECT p_id UNION ALL SELECT r.id FROM request r WHERE r.hold_id = p_id AND r.hold_id <> r.id));
    ELSE
        v_tokens := coalesce((p_usage->>'input_tokens')::bigint, 0) + coalesce((p_usage->>'output_tokens')::bigint, 0);
    END IF;
    UPDATE caller_use SET ended_at = clock_timestamp(), used = v_tokens WHERE id = p_id AND ended_at IS NULL;
END $$;
