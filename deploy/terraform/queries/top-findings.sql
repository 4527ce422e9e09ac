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
  nullif(owner, '') AS owner,
  uid,
  rule,
  class,
  path,
  try_cast(inodes AS bigint) AS inodes,
  try_cast(allocated_bytes AS bigint) AS allocated_bytes,
  try_cast(frees_allocated_bytes AS bigint) AS frees_allocated_bytes,
  try_cast(frees_metered_bytes AS bigint) AS frees_metered_bytes,
  nullif(command, '') AS command,
  try_cast(cost_month_usd AS double) AS cost_month_usd,
  nullif(advice, '') AS advice
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = last_run AND hint <> 'true'
ORDER BY frees_metered_bytes DESC
LIMIT 100
