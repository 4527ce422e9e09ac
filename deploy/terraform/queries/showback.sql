-- Who pays: what each group held in each of the last twelve months, and its part of the bill, as the mean
-- of the days with a run. A day counts as the mean of its runs. The rows of a month add up to the whole.
WITH
  recent AS (
    SELECT fs, dt, run_id, kind, owner_group, coverage, allocated_bytes, metered_bytes, cost_month_usd
    FROM homes
    WHERE dt >= date_format(date_trunc('month', current_date - INTERVAL '12' MONTH), '%Y-%m-%d')
  ),
  held AS (
    SELECT
      fs,
      dt,
      run_id,
      CASE
        WHEN kind = 'outside' THEN '(outside homes)'
        ELSE coalesce(owner_group, '(no group)')
      END AS payer,
      CASE WHEN kind = 'outside' THEN 0 ELSE 1 END AS home_count,
      allocated_bytes,
      metered_bytes,
      cost_month_usd
    FROM recent
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
GROUP BY month, daily.fs, payer
ORDER BY month DESC, cost_month_usd DESC, mean_metered_bytes DESC
