-- Make a wallet and its accounts. `p_floor` NULL: a credit line without end; 0: prepaid; less: a credit line with an end.
-- False: there is one of that id.
CREATE OR REPLACE FUNCTION longhaul_money_open(p_wallet text, p_tenant text, p_name text, p_currency text, p_floor bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF p_currency !~ '^[A-Z]{3}$' OR p_floor > 0 OR p_floor < -1000000000000000 THEN
        RAISE EXCEPTION 'a currency has three capital letters, a floor is between -10^15 and 0' USING ERRCODE = 'LH422',
            DETAIL = jsonb_build_object('code', 'wallet_invalid')::text;
    END IF;
    INSERT INTO wallet (id, tenant, name, currency, floor_micros)
    VALUES (p_wallet, p_tenant, p_name, p_currency, p_floor) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO ledger_account (id, kind, currency, wallet_id)
    SELECT longhaul_money_account(kind, p_wallet, p_currency), kind, p_currency,
        CASE WHEN kind IN ('available', 'held') THEN p_wallet END
    FROM unnest(ARRAY['available', 'held', 'revenue', 'top_up', 'adjustment', 'loss']) AS kind
    ON CONFLICT DO NOTHING;
    IF p_floor IS NOT NULL THEN
        INSERT INTO wallet_balance (wallet_id, floor_micros) VALUES (p_wallet, p_floor);
    END IF;
    RETURN true;
END $$;
