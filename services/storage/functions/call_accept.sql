-- Accept a call of the gateway in one statement: its body, its Idempotency-Key (none: NULL), its row and first event.
-- A key whose call ended in a failure that may be tried again, was cancelled, or is gone, takes the new call in its place.
-- `reused`: the key was used with another body, and nothing is accepted. `created` false: `id` is the key's own call.
-- `p_charge` (none: NULL): what is held for the call, see `longhaul_money_accept`; `held`: how much (NULL: nothing), which
-- is the `grant_micros` of the call's options. Where there is no money for it nothing is accepted.
CREATE OR REPLACE FUNCTION longhaul_call_accept(
    p_id text, p_owner text, p_data text, p_ref text, p_body bytea, p_route text, p_key_hash text, p_body_hash text,
    p_charge jsonb)
RETURNS TABLE (id text, created boolean, reused boolean, held bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_known idempotency;
    v_call request;
BEGIN
    id := p_id;
    created := true;
    reused := false;
    IF p_key_hash IS NOT NULL THEN
        INSERT INTO idempotency (owner, route, key_hash, body_hash, request_id)
        VALUES (p_owner, p_route, p_key_hash, p_body_hash, p_id) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT v_known FROM idempotency i
        WHERE i.owner = p_owner AND i.route = p_route AND i.key_hash = p_key_hash FOR UPDATE;
        IF v_known.body_hash <> p_body_hash THEN
            created := false;
            reused := true;
            RETURN NEXT;
            RETURN;
        END IF;
        IF v_known.request_id <> p_id THEN
            SELECT * INTO v_call FROM request r WHERE r.id = v_known.request_id;
            IF NOT FOUND OR v_call.phase = 'cancelled' OR (v_call.phase = 'failed' AND (
                (v_call.outcome->'error'->>'status')::int >= 500
                OR (v_call.outcome->'error'->>'status')::int IN (408, 429))) THEN
                UPDATE idempotency i SET request_id = p_id
                WHERE i.owner = p_owner AND i.route = p_route AND i.key_hash = p_key_hash;
            ELSE
                id := v_known.request_id;
                created := false;
                SELECT h.amount_micros INTO held FROM ledger_hold h WHERE h.id = v_known.request_id;
                RETURN NEXT;
                RETURN;
            END IF;
        END IF;
    END IF;
    IF p_ref IS NOT NULL THEN
        PERFORM longhaul_blob_put(p_ref, p_body, true);
    END IF;
    IF p_charge IS NOT NULL THEN
        held := longhaul_money_accept(p_id, p_charge);
    END IF;
    PERFORM longhaul_append(p_id, ARRAY['api'], ARRAY[1::bigint], ARRAY['request.accepted'], ARRAY[
        CASE WHEN held IS NULL THEN p_data ELSE jsonb_set(p_data::jsonb, '{options,grant_micros}', to_jsonb(held))::text END]);
    RETURN NEXT;
END $$;
