-- Caches and trash of everybody by rule, in each file system's newest run of the last week.
WITH
  recent AS (
    SELECT fs, run_id, home, rule, class, hint, inodes, frees_allocated_bytes, frees_metered_bytes, cost_month_usd
    FROM findings
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(run_id) AS last_run FROM recent GROUP BY fs
  )
SELECT
  fs,
  rule,
  class,
  count(*) AS places,
  count(DISTINCT home) AS homes,
  CAST(sum(inodes) AS bigint) AS inodes,
  CAST(sum(frees_allocated_bytes) AS bigint) AS frees_allocated_bytes,
  CAST(sum(frees_metered_bytes) AS bigint) AS frees_metered_bytes,
  sum(cost_month_usd) AS cost_month_usd
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = last_run AND class IN ('cache', 'trash') AND NOT hint
GROUP BY fs, rule, class
ORDER BY frees_metered_bytes DESC, fs, rule
