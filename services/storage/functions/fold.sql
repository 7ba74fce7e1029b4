-- From one event to the read models (the table in domain/events.py says what each type carries).
-- The caller holds the lock on the request's row.
CREATE OR REPLACE FUNCTION longhaul_fold(p_request text, p_at timestamptz, p_type text, p_data jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_step text := p_data->>'step_id';
    v_round int := coalesce((p_data->>'round')::int, 0);
    v_micros bigint;
    v_version int;
    v_root request;
BEGIN
    CASE p_type
    WHEN 'text.delta', 'text.reset', 'plan.refused', 'message.refused', 'tool.called', 'tool.progress', 'tool.finished',
        'call.chunk', 'call.reset' THEN
        NULL;
    WHEN 'step.started', 'step.retried' THEN
        INSERT INTO step_run AS s (request_id, step_id, status, round, child, feedback, started_at)
        VALUES (p_request, v_step, 'running', v_round, p_data->>'child', p_data->>'feedback', p_at)
        ON CONFLICT (request_id, step_id) DO UPDATE SET
            status = 'running', round = excluded.round, feedback = excluded.feedback,
            child = coalesce(excluded.child, s.child),
            started_at = CASE p_type WHEN 'step.started' THEN p_at ELSE coalesce(s.started_at, p_at) END,
            finished_at = NULL, result = NULL, evaluation = NULL, note = NULL
        WHERE v_round > greatest(s.round, s.ended_round);
    WHEN 'step.finished' THEN
        INSERT INTO step_run AS s (request_id, step_id, status, result, evaluation, note, ended_round, finished_at)
        VALUES (p_request, v_step, p_data->>'status', nullif(p_data->'result', 'null'),
            nullif(p_data->'evaluation', 'null'), p_data->>'note', v_round, p_at)
        ON CONFLICT (request_id, step_id) DO UPDATE SET
            status = excluded.status, result = excluded.result, evaluation = excluded.evaluation,
            note = excluded.note, ended_round = excluded.ended_round, finished_at = excluded.finished_at
        WHERE v_round >= greatest(s.round, s.ended_round);
    WHEN 'cost' THEN
        v_micros := coalesce((p_data->>'micros')::bigint, 0);
        UPDATE request SET cost_micros = cost_micros + v_micros,
            simulated = simulated OR coalesce((p_data->>'simulated')::boolean, false)
        WHERE id = p_request;
        IF v_step IS NOT NULL THEN
            INSERT INTO step_run AS s (request_id, step_id, cost_micros) VALUES (p_request, v_step, v_micros)
            ON CONFLICT (request_id, step_id) DO UPDATE SET cost_micros = s.cost_micros + excluded.cost_micros;
        END IF;
    WHEN 'request.phase' THEN
        UPDATE request SET phase = coalesce(p_data->>'phase', phase),
            paused = coalesce((p_data->>'paused')::boolean, paused), not_started = false
        WHERE id = p_request;
    WHEN 'request.understood' THEN
        UPDATE request SET processed_input = nullif(p_data->'processed_input', 'null'), language = p_data->>'language'
        WHERE id = p_request;
    WHEN 'plan.created', 'plan.amended' THEN
        v_version := coalesce((p_data->'plan'->>'version')::int, 1);
        INSERT INTO plan_version (request_id, version, plan, created_at)
        VALUES (p_request, v_version, p_data->'plan', p_at) ON CONFLICT DO NOTHING;
        UPDATE request SET plan_version = greatest(plan_version, v_version) WHERE id = p_request;
        UPDATE step_run SET status = 'cancelled', finished_at = p_at
        WHERE request_id = p_request AND status IN ('pending', 'running', 'waiting') AND p_data->'cancelled' ? step_id;
        UPDATE step_run SET status = 'pending', started_at = NULL, finished_at = NULL, result = NULL,
            evaluation = NULL, note = NULL, feedback = NULL
        WHERE request_id = p_request AND p_data->'rerun' ? step_id;
    WHEN 'question.asked' THEN
        UPDATE request SET open_items = jsonb_set(open_items,
            ARRAY['questions', p_data->'question'->>'id'], p_data->'question')
        WHERE id = p_request;
        INSERT INTO step_run AS s (request_id, step_id, status, started_at)
        SELECT p_request, p_data->'question'->>'step_id', 'waiting', p_at
        WHERE p_data->'question'->>'step_id' IS NOT NULL
        ON CONFLICT (request_id, step_id) DO UPDATE SET status = 'waiting', started_at = excluded.started_at,
            finished_at = NULL, result = NULL, evaluation = NULL, note = NULL;
    WHEN 'question.answered' THEN
        UPDATE step_run s SET status = 'running'
        FROM request r
        WHERE r.id = p_request AND s.request_id = p_request AND s.status = 'waiting'
            AND s.step_id = r.open_items->'questions'->(p_data->>'question_id')->>'step_id';
        UPDATE request SET open_items = open_items #- ARRAY['questions', p_data->>'question_id'] WHERE id = p_request;
    WHEN 'approval.asked' THEN
        UPDATE request SET open_items = jsonb_set(open_items,
            ARRAY['approvals', p_data->'approval'->>'id'], p_data->'approval')
        WHERE id = p_request;
        INSERT INTO step_run AS s (request_id, step_id, status, started_at)
        SELECT p_request, p_data->'approval'->>'step_id', 'waiting', p_at
        WHERE p_data->'approval'->>'step_id' IS NOT NULL
        ON CONFLICT (request_id, step_id) DO UPDATE SET status = 'waiting',
            started_at = coalesce(s.started_at, excluded.started_at),
            finished_at = NULL, result = NULL, evaluation = NULL, note = NULL;
    WHEN 'approval.decided' THEN
        UPDATE step_run s SET status = 'running'
        FROM request r
        WHERE r.id = p_request AND s.request_id = p_request AND s.status = 'waiting'
            AND s.step_id = r.open_items->'approvals'->(p_data->>'approval_id')->>'step_id';
        UPDATE request SET open_items = open_items #- ARRAY['approvals', p_data->>'approval_id'] WHERE id = p_request;
    WHEN 'request.finished', 'call.finished' THEN
        UPDATE request SET phase = p_data->'outcome'->>'phase', outcome = p_data->'outcome', finished_at = p_at,
            paused = false, not_started = false, open_items = '{"questions": {}, "approvals": {}}',
            cost_micros = greatest(cost_micros, coalesce((p_data->'outcome'->>'cost_micros')::bigint, 0))
        WHERE id = p_request RETURNING * INTO v_root;
        IF v_root.hold_id = p_request THEN
            PERFORM longhaul_money_end(p_request);
        END IF;
        PERFORM longhaul_limit_settle(p_request, p_data->'outcome'->'usage');
    WHEN 'request.accepted' THEN
        IF p_data->'parent'->>'request_id' IS NOT NULL THEN
            SELECT * INTO v_root FROM request WHERE id = p_data->'parent'->>'request_id';
        END IF;
        UPDATE request SET owner = p_data->>'owner', kind = coalesce(p_data->>'kind', 'request'), user_id = p_data->>'user_id',
            conversation_id = p_data->>'conversation_id', parent_id = p_data->'parent'->>'request_id',
            parent_step_id = p_data->'parent'->>'step_id', depth = coalesce((p_data->>'depth')::int, 0),
            message = p_data->'message', options = coalesce(nullif(p_data->'options', 'null'), '{}'),
            simulated = coalesce((p_data->>'simulated')::boolean, false), forked_from = p_data->>'forked_from',
            created_at = p_at, tenant = coalesce(v_root.tenant, p_data->>'tenant', tenant),
            key_id = coalesce(v_root.key_id, p_data->>'key_id', key_id),
            wallet_id = coalesce(v_root.wallet_id, p_data->>'wallet', wallet_id),
            hold_id = coalesce(v_root.hold_id, CASE WHEN p_data->>'wallet' IS NOT NULL THEN p_request END, hold_id)
        WHERE id = p_request;
    ELSE
        RAISE EXCEPTION 'no fold for events of type %', p_type;
    END CASE;
END $$;
