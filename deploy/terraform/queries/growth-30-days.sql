-- Growth of each home: the newest run of its file system against the first one of the last 30 days.
-- A new home grows from 0, and a home that is gone shrinks to 0.
WITH
  recent AS (
    SELECT fs, run_id, home, owner, uid, allocated_bytes AS bytes
    FROM homes
    WHERE dt >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
      AND kind <> 'outside'
  ),
  ends AS (
    SELECT fs AS of_fs, min(run_id) AS first_run, max(run_id) AS last_run FROM recent GROUP BY fs
  )
SELECT
  fs,
  home,
  max_by(owner, run_id) AS owner,
  max_by(uid, run_id) AS uid,
  sum(CASE WHEN run_id = first_run THEN bytes ELSE 0 END) AS bytes_before,
  sum(CASE WHEN run_id = last_run THEN bytes ELSE 0 END) AS bytes_now,
  sum(CASE WHEN run_id = last_run THEN bytes ELSE 0 END)
    - sum(CASE WHEN run_id = first_run THEN bytes ELSE 0 END) AS growth_bytes
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = first_run OR run_id = last_run
GROUP BY fs, home
ORDER BY growth_bytes DESC
