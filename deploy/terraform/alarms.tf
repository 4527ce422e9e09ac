# CloudWatch gets one point a day for each metric, when a scan has finished. What "the first day",
# "a day without a scan" and "a late scan" mean to each alarm is said at each; the reasons are one:
#
#   * The alarms on values look at the highest point of the last 24 hours and, where there is none,
#     keep the state they have. They change when a scan says so and never because one is missing.
#     A scan by hand that finds less does not end an alarm at once: the high point counts until it is
#     24 hours old. CloudWatch may look at the day before, too: where a scan is later than the one of
#     the day before was, it can see the high point once more for the time between, so that an
#     alarm that had ended comes back and ends with that scan.
#   * A partial scan sends no value that would be too small, only its errors, its duration and
#     ScanComplete = 0; and of users only those whose homes were read whole. So it neither raises nor
#     ends an alarm by what it did not see.
#   * Metrics are sent after the report: a point means that there is one to read.
#   * That a scan is missing is the business of one alarm, `no_scan`, and of no other.

locals {
  namespace = "EfsScan"
  quotas    = var.quota_default != null || length(var.user_quotas) > 0

  # Alarms on totals, by what they are called: metric, threshold and what to do.
  alarms = merge(
    # The first day: nothing (INSUFFICIENT_DATA) until the first scan has finished, then OK, or an
    # alarm at once if the file system is over its budget already.
    # A day without a scan: the state stays, and no message comes.
    # A late scan: the state stays until it has finished, more than 24 hours after the last one or
    # not, and then follows what it found.
    var.budget_gib == null ? {} : {
      over-budget = {
        metric    = "MeteredBytes"
        threshold = var.budget_gib * pow(1024, 3)
        text      = "The file system's metered size is over ${var.budget_gib} GiB. `efs-scan status` says who uses how much."
      }
    },
    # The first day: INSUFFICIENT_DATA until the first scan has finished, then by what it found.
    # A day without a scan, a late scan: as above, the state stays until a scan has finished.
    # It says that somebody is over and by how much; who that is, the scanner's own notice says.
    !local.quotas ? {} : {
      quota-exceeded = {
        metric    = "MaxQuotaPercent"
        threshold = 100
        text      = "The fullest home uses more than its quota. The notice of the same scan, or `efs-scan status`, says whose it is."
      }
    },
    # The same three answers. Beside quota-exceeded, because its value says how many there are, and
    # because it is known, as 0, when no home of a scan has a quota.
    !local.quotas ? {} : {
      homes-over-quota = {
        metric    = "HomesOverQuota"
        threshold = 0
        text      = "Homes are over their quota. The notice of the same scan, or `efs-scan status`, says which."
      }
    },
    # The first day: INSUFFICIENT_DATA until the first scan has finished. EFS's own figure lags by
    # hours, so a scan right after much was written or deleted may differ: an alarm that is gone
    # the next day means nothing.
    # A day without a scan, or one that did not see all and so compares nothing: the state stays.
    # A late scan: the state stays until it has finished.
    # It is blind where EFS cannot be asked (DescribeFileSystems refused, or no way to its endpoint):
    # the scan warns and succeeds, no point is sent, and the state stays for good. Points that are
    # missing cannot tell that from a partial scan, so the guide says how to look.
    {
      differs-from-efs = {
        metric    = "MeteredDifferencePercent"
        threshold = 10
        text      = "The scan and EFS differ by more than 10 % in what is metered. If it lasts, something is not seen: the guide says where to look."
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "total" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = { FileSystemId = local.file_system_id }
  statistic           = "Maximum"
  period              = 86400
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "ignore"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}

# The first day: INSUFFICIENT_DATA until the first scan has finished, and for good where no home
# has that name; the scan's log then says who is missing.
# A day without a scan: the state stays. A late scan: the state stays until it has finished.
resource "aws_cloudwatch_metric_alarm" "user_quota" {
  for_each = var.user_quotas

  alarm_name        = "${local.name}-user-quota-${each.key}"
  alarm_description = "${each.key} uses more than ${each.value}. `efs-scan status --user` shows what is reclaimable."
  namespace         = local.namespace
  metric_name       = "QuotaPercent"
  dimensions = {
    FileSystemId = local.file_system_id
    User         = each.key
  }
  statistic           = "Maximum"
  period              = 86400
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 100
  treat_missing_data  = "ignore"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}

# The dead man: no scan that saw everything has been published for 30 hours. Hours, because one
# missing point a day would be noticed a day too late. 30 of them, because a point is made when a
# scan ends: two are more than 24 hours apart when the second took longer. CloudWatch looks at an
# alarm over more than a day once an hour, and looks back somewhat further than 30 hours for points
# (user guide, "Evaluating an alarm"), so that it may be an hour or some later than said here.
#
# The first day: an alarm within an hour of `apply`, because a new alarm has no hour with a scan to
# look back at, unless the first scan was published in an earlier hour by then; OK in the hour after
# the first complete scan. Whoever has confirmed the address by then gets both messages.
# A day without a scan: an alarm 30 hours after the last complete one, which is some 6 hours after
# the scan that did not come, whatever the reason: no instance, no mount, no permission, an error.
# A late scan: nothing if it is less than 6 hours late; else an alarm, and OK in the hour after it
# was published.
# A partial scan counts as none. Maximum, so that a complete scan counts in an hour that has a
# partial one, too.
resource "aws_cloudwatch_metric_alarm" "no_scan" {
  alarm_name          = "${local.name}-no-scan"
  alarm_description   = "No complete scan has been published for 30 hours. On the instance, `journalctl -u efs-scan` says why; the guide says what to do."
  namespace           = local.namespace
  metric_name         = "ScanComplete"
  dimensions          = { FileSystemId = local.file_system_id }
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 30
  datapoints_to_alarm = 30
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}
