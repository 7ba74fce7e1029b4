-- Return a wallet that may be charged, or given money; `p_pays`: for work, so its currency must be the prices' own.
CREATE OR REPLACE FUNCTION longhaul_money_wallet(p_wallet text, p_pays boolean) RETURNS wallet LANGUAGE plpgsql AS $$
DECLARE
    v_wallet wallet;
BEGIN
    SELECT * INTO v_wallet FROM wallet w WHERE w.id = p_wallet;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such wallet' USING ERRCODE = 'LH404', DETAIL = jsonb_build_object('code', 'not_found')::text;
    END IF;
    IF v_wallet.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'the wallet is closed' USING ERRCODE = CASE WHEN p_pays THEN 'LH402' ELSE 'LH410' END,
            DETAIL = jsonb_build_object('code', 'wallet_closed')::text;
    END IF;
    IF p_pays AND v_wallet.currency <> longhaul_money_price_currency() THEN
        RAISE EXCEPTION 'prices are in %, the wallet is in %', longhaul_money_price_currency(), v_wallet.currency
            USING ERRCODE = 'LH422', DETAIL = jsonb_build_object('code', 'currency_mismatch')::text;
    END IF;
    RETURN v_wallet;
END $$;
