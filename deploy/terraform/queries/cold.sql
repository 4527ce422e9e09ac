-- Directories without a change in their subtree for a year, in each file system's newest run of the last
-- week. What is below such a directory is left out, because it is a part of it. The price is that of EFS
-- Standard in us-east-1: change 0.30 to yours.
WITH
  recent AS (
    SELECT fs, kind, home, path, files, metered_bytes, newest_mtime, is_file, "$path" AS file
    FROM dirs
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(file) AS last_file FROM recent GROUP BY fs
  ),
  cold AS (
    SELECT fs, kind, home, path, files, metered_bytes, newest_mtime, regexp_replace(path, '(^|/)[^/]*$', '') AS parent
    FROM recent JOIN ends ON fs = of_fs
    WHERE file = last_file AND NOT is_file AND newest_mtime < current_date - INTERVAL '365' DAY
  )
SELECT
  cold.fs AS fs,
  cold.home AS home,
  cold.path AS path,
  cold.files AS files,
  cold.metered_bytes AS metered_bytes,
  cold.newest_mtime AS newest_mtime,
  cold.metered_bytes / 1073741824.0 * 0.30 AS month_usd
FROM cold LEFT JOIN cold AS above
  ON cold.fs = above.fs AND cold.kind = above.kind AND cold.home = above.home
  AND cold.path <> '' AND cold.parent = above.path
WHERE above.path IS NULL
ORDER BY metered_bytes DESC, fs, home, path
LIMIT 100
