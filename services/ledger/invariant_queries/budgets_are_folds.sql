-- What is spent of a budget is the sum of the postings that counted in it, what is held the rest of the open holds.
WITH held AS (
    SELECT r.value->>'budget' AS budget_id, (r.value->>'since')::timestamptz AS period_start,
        sum(h.amount_micros - h.posted_micros) AS micros
    FROM ledger_hold h CROSS JOIN LATERAL jsonb_array_elements(h.reservations) AS r
    WHERE h.state = 'open' GROUP BY 1, 2
), looked AS (
    SELECT u.budget_id, u.period_start FROM budget_use u WHERE $1::bigint = 0 OR u.held_micros <> 0
    UNION SELECT p.budget_id, p.period_start FROM budget_posting p WHERE p.transaction_id >= $1
    UNION SELECT h.budget_id, h.period_start FROM held h
)
SELECT 'budget ' || l.budget_id || ' since ' || l.period_start AS broken
FROM looked l JOIN budget b ON b.id = l.budget_id LEFT JOIN budget_use u USING (budget_id, period_start)
LEFT JOIN held h USING (budget_id, period_start)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(p.micros), 0) AS spent FROM budget_posting p
    WHERE p.budget_id = l.budget_id AND p.period_start = l.period_start) AS s
WHERE coalesce(u.spent_micros, 0) <> s.spent OR coalesce(u.held_micros, 0) <> coalesce(h.micros, 0)
