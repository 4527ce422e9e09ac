-- Orphan homes: those without a user profile or space, in each file system's newest run of the last week.
WITH
  recent AS (
    SELECT
      fs, run_id, run_started, home, uid, owner_status, allocated_bytes, metered_bytes, newest_mtime,
      cost_month_usd
    FROM homes
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(run_id) AS last_run FROM recent GROUP BY fs
  )
SELECT
  fs,
  home,
  uid,
  allocated_bytes,
  metered_bytes,
  newest_mtime,
  run_started,
  cost_month_usd
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = last_run AND owner_status = 'orphan'
ORDER BY 4 DESC
