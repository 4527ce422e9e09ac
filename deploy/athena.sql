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
--   * Names are as the file system has them, with any character. One that is not UTF-8 has replacement
--     characters, and its bytes are in home_bytes or path_bytes: to show names, escape them.
--   * fs is the key of the file system: its EFS id, or else its name. file_system is the same.
--   * Times are UTC; dt is the day a run started. A day may have several runs, and run_id sorts
--     those of a file system by time. A row of dirs has no run_id: the name of its file,
--     "$path", ends with it.
--   * Amounts are estimates in USD a month, NULL where no price is known. Those of findings are what
--     deleting them would save.
--   * directory_owner is filled where a home's name is the uid of another one: do not write to either
--     about it without a look.
--   * A home whose coverage is not 'complete' was not read completely in that run.
--   * Earlier versions published homes and findings as CSV, beside these. `efs-scan publish --migrate`
--     makes the Parquet tables of those runs, from their reports; until then they are in no answer.

CREATE EXTERNAL TABLE IF NOT EXISTS efs_scan_homes (
  home string,
  home_bytes binary,
  kind string,
  uid bigint,
  owner string,
  owner_status string,
  owner_group string,
  directory_owner bigint,
  directory_owner_name string,
  coverage string,
  errors bigint,
  newest_mtime timestamp,
  files bigint,
  dirs bigint,
  symlinks bigint,
  other bigint,
  apparent_bytes bigint,
  allocated_bytes bigint,
  metered_bytes bigint,
  foreign_allocated_bytes bigint,
  shared_allocated_bytes bigint,
  charged_elsewhere_allocated_bytes bigint,
  trash_allocated_bytes bigint,
  cache_allocated_bytes bigint,
  environment_allocated_bytes bigint,
  output_allocated_bytes bigint,
  log_allocated_bytes bigint,
  rest_allocated_bytes bigint,
  days_7_allocated_bytes bigint,
  days_30_allocated_bytes bigint,
  days_90_allocated_bytes bigint,
  year_1_allocated_bytes bigint,
  older_allocated_bytes bigint,
  future_allocated_bytes bigint,
  quota_bytes bigint,
  quota_used_percent double,
  over_quota boolean,
  cost_month_usd double,
  reclaimable_metered_bytes bigint,
  reclaimable_month_usd double,
  run_id string,
  run_started timestamp,
  file_system string
)
PARTITIONED BY (fs string, dt string)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/homes/parquet/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.fs.type' = 'enum',
  'projection.fs.values' = 'KEYS',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/PREFIX/homes/parquet/fs=${fs}/dt=${dt}/'
);

CREATE EXTERNAL TABLE IF NOT EXISTS efs_scan_findings (
  home string,
  home_bytes binary,
  kind string,
  uid bigint,
  owner string,
  owner_status string,
  owner_group string,
  directory_owner bigint,
  rule string,
  class string,
  hint boolean,
  path string,
  path_bytes binary,
  inodes bigint,
  allocated_bytes bigint,
  metered_bytes bigint,
  frees_allocated_bytes bigint,
  frees_metered_bytes bigint,
  cost_month_usd double,
  command string,
  advice string,
  run_id string,
  run_started timestamp,
  file_system string
)
PARTITIONED BY (fs string, dt string)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/findings/parquet/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.fs.type' = 'enum',
  'projection.fs.values' = 'KEYS',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/PREFIX/findings/parquet/fs=${fs}/dt=${dt}/'
);

CREATE EXTERNAL TABLE IF NOT EXISTS efs_scan_dirs (
  kind string,
  home string,
  home_bytes binary,
  path string,
  path_bytes binary,
  class string,
  rule string,
  is_file boolean,
  is_finding boolean,
  newest_mtime timestamp,
  depth bigint,
  uid bigint,
  files bigint,
  dirs bigint,
  apparent_bytes bigint,
  allocated_bytes bigint,
  metered_bytes bigint,
  own_files bigint,
  own_apparent_bytes bigint,
  own_allocated_bytes bigint,
  own_metered_bytes bigint,
  rest_files bigint,
  rest_dirs bigint,
  rest_apparent_bytes bigint,
  rest_allocated_bytes bigint,
  rest_metered_bytes bigint,
  linked_inodes bigint,
  linked_metered_bytes bigint,
  days_7_metered_bytes bigint,
  days_30_metered_bytes bigint,
  days_90_metered_bytes bigint,
  year_1_metered_bytes bigint,
  older_metered_bytes bigint,
  future_metered_bytes bigint,
  own_dirs bigint
)
PARTITIONED BY (fs string, dt string)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/dirs/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.fs.type' = 'enum',
  'projection.fs.values' = 'KEYS',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/PREFIX/dirs/fs=${fs}/dt=${dt}/'
);

-- Growth of each home over 30 days: the newest run of its file system against the first one of that
-- time. Use ORDER BY
-- growth_bytes DESC for the largest growth first. A new home grows from 0, and a home that is gone
-- shrinks to 0.
CREATE OR REPLACE VIEW efs_scan_growth_30_days AS
WITH
  recent AS (
    SELECT fs, run_id, home, owner, uid, allocated_bytes
    FROM efs_scan_homes
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
    FROM efs_scan_homes
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
    FROM efs_scan_findings
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
    FROM efs_scan_homes
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
