# One page for people. Each metric has one point a day, so each graph's period is a day.

locals {
  # What the graphs show: title and metrics of the file system.
  graphs = [
    { title = "Size", metrics = ["MeteredBytes", "AllocatedBytes"] },
    { title = "Reclaimable", metrics = ["TrashBytes", "CacheBytes", "OrphanBytes"] },
    { title = "Files", metrics = ["Files"] },
    { title = "Quotas: the fullest home", metrics = ["MaxQuotaPercent"] },
    { title = "Quotas: homes over theirs", metrics = ["HomesOverQuota"] },
    { title = "How far the scan is from EFS's own figure", metrics = ["MeteredDifferencePercent"] },
    { title = "How long a scan takes", metrics = ["ScanDurationSeconds"] },
    { title = "Errors, and whether all was seen (1)", metrics = ["ScanErrors", "ScanComplete"] },
  ]

  # The alarm on scans first. The widget takes 100.
  all_alarms = concat(
    [aws_cloudwatch_metric_alarm.no_scan],
    values(aws_cloudwatch_metric_alarm.total),
    values(aws_cloudwatch_metric_alarm.user_quota),
  )
  shown_alarms = slice(local.all_alarms, 0, min(100, length(local.all_alarms)))

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
        metrics = [for metric in graph.metrics : [local.namespace, metric, "FileSystemId", local.file_system_id]]
      }
    }],
    # A search, because the names of users have no place in a query of their own.
    length(var.user_quotas) == 0 ? [] : [{
      type = "metric", x = 0, y = 4 + 6 * ceil(length(local.graphs) / 2), width = 24, height = 8
      properties = {
        title   = "Users with quotas of their own: percent used"
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
  )
}

resource "aws_cloudwatch_dashboard" "homes" {
  dashboard_name = local.name

  # 90 days at first sight.
  dashboard_body = jsonencode({
    start          = "-P90D"
    periodOverride = "inherit"
    widgets        = local.widgets
  })
}
