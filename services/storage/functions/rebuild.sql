-- Make a request's read models again from its log. `not_started` is no event's work and stays.
CREATE OR REPLACE FUNCTION longhaul_rebuild(p_request text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_event request_event;
BEGIN
    PERFORM 1 FROM request WHERE id = p_request FOR UPDATE;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = 'no such request';
    END IF;
    DELETE FROM step_run WHERE request_id = p_request;
    DELETE FROM plan_version WHERE request_id = p_request;
    UPDATE request SET phase = DEFAULT, paused = DEFAULT, processed_input = NULL, language = NULL,
        plan_version = DEFAULT, open_items = DEFAULT, cost_micros = DEFAULT, outcome = NULL, finished_at = NULL
    WHERE id = p_request;
    FOR v_event IN SELECT * FROM request_event WHERE request_id = p_request ORDER BY seq LOOP
        PERFORM longhaul_fold(p_request, v_event.at, v_event.type, v_event.data);
    END LOOP;
END $$;
