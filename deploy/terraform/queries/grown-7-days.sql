-- Directories that grew most in 7 days: each file system's newest run against the first one of the last 7
-- days. A directory below the threshold of a run, or without a row there, counts as 0. A directory contains
-- those below it: `efs-scan changes` explains a growth without counting twice.
WITH
  recent AS (
    SELECT fs, kind, home, path, metered_bytes, files, "$path" AS file
    FROM dirs
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, min(file) AS first_file, max(file) AS last_file FROM recent GROUP BY fs
  )
SELECT
  fs,
  home,
  path,
  sum(CASE WHEN file = first_file THEN metered_bytes ELSE 0 END) AS bytes_before,
  sum(CASE WHEN file = last_file THEN metered_bytes ELSE 0 END) AS bytes_now,
  sum(CASE WHEN file = last_file THEN metered_bytes ELSE 0 END)
    - sum(CASE WHEN file = first_file THEN metered_bytes ELSE 0 END) AS growth_bytes,
  sum(CASE WHEN file = last_file THEN files ELSE 0 END)
    - sum(CASE WHEN file = first_file THEN files ELSE 0 END) AS growth_files
FROM recent JOIN ends ON fs = of_fs
WHERE file = first_file OR file = last_file
GROUP BY fs, kind, home, path
ORDER BY growth_bytes DESC, fs, home, path
LIMIT 100
