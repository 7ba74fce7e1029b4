-- Every posting is usage times price, rounded up to a micro-unit (`domain.budget.cost`).
SELECT 'transaction ' || t.id || ', call ' || t.key AS broken
FROM ledger_transaction t CROSS JOIN LATERAL (
    SELECT coalesce((t.usage->>'input_tokens')::bigint, 0) AS input,
        least(coalesce((t.usage->>'cached_tokens')::bigint, 0), coalesce((t.usage->>'input_tokens')::bigint, 0)) AS cached,
        coalesce((t.usage->>'output_tokens')::bigint, 0) AS output) AS u
WHERE t.kind = 'post' AND t.id >= $1 AND t.micros <> ceil((
    (u.input - u.cached)::numeric * coalesce((t.price->>'input_micros')::bigint, 0)
    + u.cached::numeric * coalesce((t.price->>'cached_input_micros')::bigint, 0)
    + u.output::numeric * coalesce((t.price->>'output_micros')::bigint, 0)) / 1000000)
