-- Findings that free most, in each file system's newest run of the last week. Hints are left out: what they name may
-- be needed.
WITH
  recent AS (
    SELECT
      fs, run_id, home, owner, uid, rule, class, hint, path, inodes, allocated_bytes,
      frees_allocated_bytes, frees_metered_bytes, command, cost_month_usd, advice
    FROM findings
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(run_id) AS last_run FROM recent GROUP BY fs
  )
SELECT
  fs,
  home,
  owner,
  uid,
  rule,
  class,
  path,
  inodes,
  allocated_bytes,
  frees_allocated_bytes,
  frees_metered_bytes,
  command,
  cost_month_usd,
  advice
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = last_run AND NOT hint
ORDER BY frees_metered_bytes DESC
LIMIT 100
