-- Refuse what is not paid for. LH402: not enough money; LH403: a budget is spent; LH409: either is held by other work.
CREATE OR REPLACE FUNCTION longhaul_money_refuse(p_state text, p_budget text, p_wanted bigint, p_left bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', CASE p_state
            WHEN 'LH402' THEN 'there is not enough money for this'
            WHEN 'LH403' THEN 'a budget does not allow this'
            ELSE 'what would pay for this is held by work that is under way' END
        USING ERRCODE = p_state, DETAIL = jsonb_build_object(
            'budget', p_budget, 'wanted_micros', p_wanted, 'available_micros', greatest(p_left, 0))::text;
END $$;
