-- Directories in homes that belong to another uid than the home's directory, in each file system's newest
-- run of the last week: who works in whose home.
WITH
  recent AS (
    SELECT fs, kind, home, path, uid, files, metered_bytes, "$path" AS file
    FROM dirs
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(file) AS last_file FROM recent GROUP BY fs
  ),
  newest AS (
    SELECT fs, kind, home, path, uid, files, metered_bytes
    FROM recent JOIN ends ON fs = of_fs
    WHERE file = last_file AND kind <> 'outside'
  )
SELECT
  newest.fs AS fs,
  newest.home AS home,
  newest.path AS path,
  newest.uid AS uid,
  above.uid AS home_uid,
  newest.files AS files,
  newest.metered_bytes AS metered_bytes
FROM newest JOIN newest AS above
  ON newest.fs = above.fs AND newest.kind = above.kind AND newest.home = above.home
WHERE newest.path <> '' AND above.path = '' AND newest.uid <> above.uid
ORDER BY metered_bytes DESC, fs, home, path
LIMIT 100
