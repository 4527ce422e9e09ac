# The dashboard. Each metric has one point a day, so the period of each graph is a day.

locals {
  # Graphs: title, and metrics of the file system.
  graphs = [
    { title = "Size", metrics = ["MeteredBytes", "AllocatedBytes"] },
    { title = "Reclaimable", metrics = ["TrashBytes", "CacheBytes", "OrphanBytes"] },
    { title = "Files", metrics = ["Files"] },
    { title = "Quota used by the fullest home (%)", metrics = ["MaxQuotaPercent"] },
    { title = "Homes over quota", metrics = ["HomesOverQuota"] },
    # Nothing, unless the input `settings` has `growth`.
    { title = "Most that a home grew in a day", metrics = ["MaxGrowthBytes"] },
    { title = "Homes that grew fast", metrics = ["HomesGrown"] },
    { title = "Difference between the scan and EFS (%)", metrics = ["MeteredDifferencePercent"] },
    { title = "Scan duration (s)", metrics = ["ScanDurationSeconds"] },
    { title = "Errors, and complete scans (1)", metrics = ["ScanErrors", "ScanComplete"] },
  ]

  # Those on missing scans first. The widget takes 100 alarms.
  all_alarms = concat(
    values(aws_cloudwatch_metric_alarm.missing),
    values(aws_cloudwatch_metric_alarm.value),
    values(aws_cloudwatch_metric_alarm.user_quota),
    values(aws_cloudwatch_metric_alarm.group_quota),
  )
  shown_alarms = slice(local.all_alarms, 0, min(100, length(local.all_alarms)))

  below_graphs = 4 + 6 * ceil(length(local.graphs) / 2)

  widgets = concat(
    [{
      type = "alarm", x = 0, y = 0, width = 24, height = 4
      properties = {
        title  = "Alarms"
        alarms = local.shown_alarms[*].arn
      }
    }],
    [for at, graph in local.graphs : {
      type = "metric", x = 12 * (at % 2), y = 4 + 6 * floor(at / 2), width = 12, height = 6
      properties = {
        title   = graph.title
        region  = local.region
        view    = "timeSeries"
        stacked = false
        stat    = "Maximum"
        period  = 86400
        yAxis   = { left = { min = 0 } }
        metrics = [
          for it in setproduct(local.file_system_ids, graph.metrics) : [local.namespace, it[1], "FileSystemId", it[0]]
        ]
      }
    }],
    # A search, because names of users cannot be part of a metric query.
    length(var.user_quotas) == 0 ? [] : [{
      type = "metric", x = 0, y = local.below_graphs, width = 24, height = 8
      properties = {
        title   = "Users with their own quota: percent used"
        region  = local.region
        view    = "timeSeries"
        stacked = false
        yAxis   = { left = { min = 0 } }
        metrics = [[{
          expression = "SEARCH('{${local.namespace},FileSystemId,User} MetricName=\"QuotaPercent\" FileSystemId=\"${local.file_system_id}\"', 'Maximum', 86400)"
          id         = "users"
        }]]
      }
    }],
    length(var.group_quotas) == 0 ? [] : [{
      type = "metric", x = 0, y = local.below_graphs + (length(var.user_quotas) == 0 ? 0 : 8), width = 24, height = 8
      properties = {
        title   = "Groups with their own quota: percent used"
        region  = local.region
        view    = "timeSeries"
        stacked = false
        yAxis   = { left = { min = 0 } }
        metrics = [[{
          expression = "SEARCH('{${local.namespace},FileSystemId,Group} MetricName=\"QuotaPercent\" FileSystemId=\"${local.file_system_id}\"', 'Maximum', 86400)"
          id         = "groups"
        }]]
      }
    }],
  )
}

resource "aws_cloudwatch_dashboard" "homes" {
  dashboard_name = local.name

  # Shows 90 days at first.
  dashboard_body = jsonencode({
    start          = "-P90D"
    periodOverride = "inherit"
    widgets        = local.widgets
  })

  lifecycle {
    ignore_changes = [dashboard_name]

    # Here for all of them, because this one always exists.
    postcondition {
      condition     = self.dashboard_name == local.name
      error_message = "Everything keeps the name with which it was made: set name = \"${self.dashboard_name}\". To watch another domain, add a module for it."
    }
  }
}
