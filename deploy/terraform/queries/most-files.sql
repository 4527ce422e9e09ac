-- Directories with the most files directly in them or in directories too small for a row, in each file
-- system's newest run of the last week.
WITH
  recent AS (
    SELECT fs, home, path, own_files, rest_files, files, metered_bytes, "$path" AS file
    FROM dirs
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(file) AS last_file FROM recent GROUP BY fs
  )
SELECT
  fs,
  home,
  path,
  own_files + rest_files AS files_here,
  files,
  metered_bytes
FROM recent JOIN ends ON fs = of_fs
WHERE file = last_file
ORDER BY files_here DESC, fs, home, path
LIMIT 100
