-- Refuse an amount that is none: it is positive, and at most a thousand million of a currency.
CREATE OR REPLACE FUNCTION longhaul_money_amount(p_micros bigint) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p_micros IS NULL OR p_micros <= 0 OR p_micros > 1000000000000000 THEN
        RAISE EXCEPTION 'an amount is between 1 and 10^15 micro-units' USING ERRCODE = 'LH422',
            DETAIL = jsonb_build_object('code', 'amount_out_of_range')::text;
    END IF;
END $$;
