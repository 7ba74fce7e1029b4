-- Hold what a new request or call may cost, as `services.storage.charges.Charge` tells it; returns what is held, NULL: nothing.
-- What costs nothing needs no hold, but a wallet that could pay.
CREATE OR REPLACE FUNCTION longhaul_money_accept(p_id text, p_charge jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF (p_charge->>'micros')::bigint = 0 THEN
        PERFORM longhaul_money_wallet(p_charge->>'wallet', true);
        RETURN NULL;
    END IF;
    RETURN longhaul_money_hold(p_id, p_charge->>'wallet', (p_charge->>'micros')::bigint,
        ARRAY(SELECT jsonb_array_elements_text(p_charge->'subjects')), (p_charge->>'expires_s')::double precision,
        (p_charge->>'least')::bigint);
END $$;
