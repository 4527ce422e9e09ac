-- The published tables of efs-scan in Amazon Athena (engine version 3).
--
-- Before running, replace these everywhere below:
--   BUCKET      the bucket that runs are published to
--   PREFIX      the prefix in it, as in `--publish s3://BUCKET/PREFIX`; without a prefix, remove
--               `PREFIX/`
--   2026-01-01  the day of the first run, or any day before it
--   KEYS        the keys of all file systems that are published there, with commas between them and no
--               spaces: `efs-scan status` names them, and so does `latest/KEY.json`. One that is missing
--               here is in no answer
--
-- Athena takes one statement at a time: run them in this order in a database of your choice. No
-- crawler and no MSCK REPAIR are needed, because partitions are projected from the keys and the days. After
-- an
-- upgrade of efs-scan that adds columns, drop the tables (DROP TABLE keeps the data) and run this
-- again.
--
-- About the data:
--   * Names are printable; other bytes are escaped with a backslash: \n, \xff, \u{202e}, \\.
--     home_base64 holds the bytes of a name that home does not show as it is.
--   * A cell that a spreadsheet would take for a formula, or that begins with an apostrophe, has
--     an apostrophe before it: '=cmd.
--   * fs is the key of the file system: its EFS id, or else its name. file_system has it, too, in runs
--     of this version and later ones.
--   * Times are UTC; dt is the day a run started. A day may have several runs, and run_id sorts
--     those of a file system by time.
--   * Amounts are estimates in USD a month, empty where no price is known. Those of findings are what
--     deleting them would save; runs of an earlier version have none.
--   * directory_owner is filled where a home's name is the uid of another one: do not write to either
--     about it without a look.
--   * A home whose coverage is not 'complete' was not read completely in that run.

-- All columns are strings, because OpenCSVSerde takes an empty number for an error. Its default escape
-- is the backslash, which it would remove from names; U+0001 occurs in no cell. To verify that it is in
-- force: SHOW CREATE TABLE efs_scan_homes has 'escapeChar'='\u0001', with one backslash.
CREATE EXTERNAL TABLE IF NOT EXISTS efs_scan_homes (
  home string,
  kind string,
  uid string,
  owner string,
  owner_status string,
  coverage string,
  errors string,
  newest_mtime string,
  files string,
  dirs string,
  symlinks string,
  other string,
  apparent_bytes string,
  allocated_bytes string,
  metered_bytes string,
  foreign_allocated_bytes string,
  shared_allocated_bytes string,
  charged_elsewhere_allocated_bytes string,
  quota_bytes string,
  quota_used_percent string,
  over_quota string,
  run_id string,
  run_started string,
  trash_allocated_bytes string,
  cache_allocated_bytes string,
  environment_allocated_bytes string,
  output_allocated_bytes string,
  log_allocated_bytes string,
  rest_allocated_bytes string,
  days_7_allocated_bytes string,
  days_30_allocated_bytes string,
  days_90_allocated_bytes string,
  year_1_allocated_bytes string,
  older_allocated_bytes string,
  cost_month_usd string,
  reclaimable_metered_bytes string,
  reclaimable_month_usd string,
  home_base64 string,
  directory_owner string,
  directory_owner_name string,
  owner_group string,
  file_system string,
  future_allocated_bytes string
)
PARTITIONED BY (fs string, dt string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 's3://BUCKET/PREFIX/homes/'
TBLPROPERTIES (
  'skip.header.line.count' = '1',
  'projection.enabled' = 'true',
  'projection.fs.type' = 'enum',
  'projection.fs.values' = 'KEYS',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/PREFIX/homes/fs=${fs}/dt=${dt}/'
);

CREATE EXTERNAL TABLE IF NOT EXISTS efs_scan_findings (
  home string,
  uid string,
  owner string,
  owner_status string,
  rule string,
  class string,
  hint string,
  path string,
  inodes string,
  allocated_bytes string,
  metered_bytes string,
  frees_allocated_bytes string,
  frees_metered_bytes string,
  command string,
  run_id string,
  run_started string,
  cost_month_usd string,
  advice string,
  directory_owner string,
  owner_group string,
  file_system string
)
PARTITIONED BY (fs string, dt string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 's3://BUCKET/PREFIX/findings/'
TBLPROPERTIES (
  'skip.header.line.count' = '1',
  'projection.enabled' = 'true',
  'projection.fs.type' = 'enum',
  'projection.fs.values' = 'KEYS',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/PREFIX/findings/fs=${fs}/dt=${dt}/'
);

-- Typed views of the tables. An empty cell becomes NULL. fs and dt stay the strings that partition the
-- table, so a condition such as dt >= '2026-11-01' reads only those days.
CREATE OR REPLACE VIEW efs_scan_homes_typed AS
SELECT
  fs,
  dt,
  run_id,
  CAST(try(from_iso8601_timestamp(run_started)) AS timestamp) AS run_started,
  home,
  kind,
  try_cast(uid AS bigint) AS uid,
  nullif(owner, '') AS owner,
  owner_status,
  coverage,
  try_cast(errors AS bigint) AS errors,
  CAST(try(from_iso8601_timestamp(newest_mtime)) AS timestamp) AS newest_mtime,
  try_cast(files AS bigint) AS files,
  try_cast(dirs AS bigint) AS dirs,
  try_cast(symlinks AS bigint) AS symlinks,
  try_cast(other AS bigint) AS other,
  try_cast(apparent_bytes AS bigint) AS apparent_bytes,
  try_cast(allocated_bytes AS bigint) AS allocated_bytes,
  try_cast(metered_bytes AS bigint) AS metered_bytes,
  try_cast(foreign_allocated_bytes AS bigint) AS foreign_allocated_bytes,
  try_cast(shared_allocated_bytes AS bigint) AS shared_allocated_bytes,
  try_cast(charged_elsewhere_allocated_bytes AS bigint) AS charged_elsewhere_allocated_bytes,
  try_cast(quota_bytes AS bigint) AS quota_bytes,
  try_cast(quota_used_percent AS double) AS quota_used_percent,
  try_cast(over_quota AS boolean) AS over_quota,
  try_cast(trash_allocated_bytes AS bigint) AS trash_allocated_bytes,
  try_cast(cache_allocated_bytes AS bigint) AS cache_allocated_bytes,
  try_cast(environment_allocated_bytes AS bigint) AS environment_allocated_bytes,
  try_cast(output_allocated_bytes AS bigint) AS output_allocated_bytes,
  try_cast(log_allocated_bytes AS bigint) AS log_allocated_bytes,
  try_cast(rest_allocated_bytes AS bigint) AS rest_allocated_bytes,
  try_cast(days_7_allocated_bytes AS bigint) AS days_7_allocated_bytes,
  try_cast(days_30_allocated_bytes AS bigint) AS days_30_allocated_bytes,
  try_cast(days_90_allocated_bytes AS bigint) AS days_90_allocated_bytes,
  try_cast(year_1_allocated_bytes AS bigint) AS year_1_allocated_bytes,
  try_cast(older_allocated_bytes AS bigint) AS older_allocated_bytes,
  try_cast(cost_month_usd AS double) AS cost_month_usd,
  try_cast(reclaimable_metered_bytes AS bigint) AS reclaimable_metered_bytes,
  try_cast(reclaimable_month_usd AS double) AS reclaimable_month_usd,
  nullif(home_base64, '') AS home_base64,
  try_cast(directory_owner AS bigint) AS directory_owner,
  nullif(directory_owner_name, '') AS directory_owner_name,
  nullif(owner_group, '') AS owner_group,
  nullif(file_system, '') AS file_system,
  try_cast(future_allocated_bytes AS bigint) AS future_allocated_bytes
FROM efs_scan_homes;

CREATE OR REPLACE VIEW efs_scan_findings_typed AS
SELECT
  fs,
  dt,
  run_id,
  CAST(try(from_iso8601_timestamp(run_started)) AS timestamp) AS run_started,
  home,
  try_cast(uid AS bigint) AS uid,
  nullif(owner, '') AS owner,
  owner_status,
  rule,
  class,
  try_cast(hint AS boolean) AS hint,
  path,
  try_cast(inodes AS bigint) AS inodes,
  try_cast(allocated_bytes AS bigint) AS allocated_bytes,
  try_cast(metered_bytes AS bigint) AS metered_bytes,
  try_cast(frees_allocated_bytes AS bigint) AS frees_allocated_bytes,
  try_cast(frees_metered_bytes AS bigint) AS frees_metered_bytes,
  nullif(command, '') AS command,
  try_cast(cost_month_usd AS double) AS cost_month_usd,
  nullif(advice, '') AS advice,
  try_cast(directory_owner AS bigint) AS directory_owner,
  nullif(owner_group, '') AS owner_group,
  nullif(file_system, '') AS file_system
FROM efs_scan_findings;

-- Growth of each home over 30 days: the newest run of its file system against the first one of that
-- time. Use ORDER BY
-- growth_bytes DESC for the largest growth first. A new home grows from 0, and a home that is gone
-- shrinks to 0.
CREATE OR REPLACE VIEW efs_scan_growth_30_days AS
WITH
  recent AS (
    SELECT fs, run_id, home, owner, uid, allocated_bytes
    FROM efs_scan_homes_typed
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
  sum(CASE WHEN run_id = first_run THEN allocated_bytes ELSE 0 END) AS bytes_before,
  sum(CASE WHEN run_id = last_run THEN allocated_bytes ELSE 0 END) AS bytes_now,
  sum(CASE WHEN run_id = last_run THEN allocated_bytes ELSE 0 END)
    - sum(CASE WHEN run_id = first_run THEN allocated_bytes ELSE 0 END) AS growth_bytes
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = first_run OR run_id = last_run
GROUP BY fs, home;

-- Orphan homes in each file system's newest run of the last week. Use ORDER BY allocated_bytes DESC for the largest
-- first.
CREATE OR REPLACE VIEW efs_scan_orphans AS
WITH
  recent AS (
    SELECT
      fs, run_id, run_started, home, uid, owner_status, allocated_bytes, metered_bytes, newest_mtime,
      cost_month_usd
    FROM efs_scan_homes_typed
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(run_id) AS last_run FROM recent GROUP BY fs
  )
SELECT fs, home, uid, allocated_bytes, metered_bytes, newest_mtime, run_started, cost_month_usd
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = last_run AND owner_status = 'orphan';

-- Findings in each file system's newest run of the last week. Use ORDER BY frees_metered_bytes DESC LIMIT 100 for
-- those that free most. Hints are left out: what they name may be needed.
CREATE OR REPLACE VIEW efs_scan_top_findings AS
WITH
  recent AS (
    SELECT
      fs, run_id, home, owner, uid, rule, class, hint, path, inodes, allocated_bytes,
      frees_allocated_bytes, frees_metered_bytes, command, cost_month_usd, advice
    FROM efs_scan_findings_typed
    WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  ),
  ends AS (
    SELECT fs AS of_fs, max(run_id) AS last_run FROM recent GROUP BY fs
  )
SELECT
  fs, home, owner, uid, rule, class, path, inodes, allocated_bytes, frees_allocated_bytes,
  frees_metered_bytes, command, cost_month_usd, advice
FROM recent JOIN ends ON fs = of_fs
WHERE run_id = last_run AND NOT hint;

-- Who pays: what each group held on each file system in each month, and its part of the bill. A day counts
-- as the mean of its runs, and a month as the mean of its days with a run: neither the last day nor a day
-- with many runs decides. A group that had nothing on a day counts as 0 on it. `payer` is the group, '(no group)' or
-- '(outside homes)', so the rows of a month add up to the whole. Interrupted runs are left out; homes
-- that were not read completely count with what was read.
CREATE OR REPLACE VIEW efs_scan_showback AS
WITH
  held AS (
    SELECT
      fs,
      dt,
      run_id,
      CASE WHEN kind = 'outside' THEN '(outside homes)' ELSE coalesce(owner_group, '(no group)') END
        AS payer,
      CASE WHEN kind = 'outside' THEN 0 ELSE 1 END AS home_count,
      allocated_bytes,
      metered_bytes,
      cost_month_usd
    FROM efs_scan_homes_typed
    WHERE coverage <> 'interrupted'
  ),
  days AS (
    SELECT
      fs,
      dt,
      count(DISTINCT run_id) AS day_runs,
      count(DISTINCT CASE WHEN cost_month_usd IS NULL THEN NULL ELSE run_id END) AS priced_runs
    FROM held
    GROUP BY fs, dt
  ),
  months AS (
    SELECT
      fs,
      substr(dt, 1, 7) AS month,
      count(*) AS month_days,
      sum(CASE WHEN priced_runs > 0 THEN 1 ELSE 0 END) AS priced_days
    FROM days
    GROUP BY fs, substr(dt, 1, 7)
  ),
  daily AS (
    SELECT
      held.fs AS fs,
      held.dt AS dt,
      payer,
      CAST(sum(home_count) AS double) / max(day_runs) AS day_homes,
      CAST(sum(allocated_bytes) AS double) / max(day_runs) AS day_allocated,
      CAST(sum(metered_bytes) AS double) / max(day_runs) AS day_metered,
      sum(cost_month_usd) / nullif(max(priced_runs), 0) AS day_cost
    FROM held JOIN days ON held.fs = days.fs AND held.dt = days.dt
    GROUP BY held.fs, held.dt, payer
  )
SELECT
  month,
  daily.fs AS fs,
  payer,
  max(month_days) AS month_days,
  sum(day_homes) / max(month_days) AS mean_homes,
  CAST(sum(day_allocated) / max(month_days) AS bigint) AS mean_allocated_bytes,
  CAST(sum(day_metered) / max(month_days) AS bigint) AS mean_metered_bytes,
  sum(day_cost) / nullif(max(priced_days), 0) AS cost_month_usd
FROM daily JOIN months ON daily.fs = months.fs AND substr(daily.dt, 1, 7) = months.month
GROUP BY month, daily.fs, payer;
