# CloudWatch gets one point a day for each metric, when a scan has finished. The comment on each alarm
# says what it does on the first day, on a day without a scan, and when a scan is late. These rules hold
# for all of them:
#
#   * An alarm on a value looks at the highest point of the last 24 hours and keeps its state where there
#     is none. It changes because of a scan, never because one is missing. A scan by hand that finds
#     less does not clear an alarm at once: the high point counts until it is 24 hours old. CloudWatch
#     may look at the day before, too: if a scan is later than that of the day before, CloudWatch can
#     see the high point once more for the time between, so an alarm that had cleared comes back and
#     clears with that scan.
#   * A partial scan sends no value that would be too small: only its errors, its duration and
#     ScanComplete = 0, and the metrics of users whose homes were read completely. So it neither raises
#     nor clears an alarm by what it did not see.
#   * Metrics are sent after the report, so for every point there is a report to read.
#   * Only the alarm `missing` reports a missing scan.

locals {
  # Of the rendered configuration, which the input `settings` may change.
  namespace = try(var.settings.cloudwatch.namespace, "EfsScan")
  quotas    = var.quota_default != null || length(var.user_quotas) > 0

  # Alarms on totals by name: metric, threshold, text, and the domain that it is of.
  alarms = merge([for name, it in local.domains : { for kind, alarm in merge(
    # The first day: INSUFFICIENT_DATA until the first scan has finished, then OK, or an alarm at once if
    # the file system is over its budget already.
    # A day without a scan: the state stays, and no message is sent.
    # A late scan: the state stays until it has finished, whether or not that is more than 24 hours after
    # the last one, and then follows what it found.
    it.budget_gib == null ? {} : {
      over-budget = {
        metric    = "MeteredBytes"
        threshold = it.budget_gib * pow(1024, 3)
        text = (name == "efs"
          ? "The file system's metered size is over ${it.budget_gib} GiB. `efs-scan status` says who uses how much."
          : "The metered size of ${name} is over ${it.budget_gib} GiB. `efs-scan status` says who uses how much."
        )
      }
    },
    # The first day: INSUFFICIENT_DATA until the first scan has finished, then by what it found.
    # A day without a scan, a late scan: as above, the state stays until a scan has finished.
    # This alarm says that a home is over quota and by how much; the scanner's own notice names it.
    !local.quotas && it.quota_default == null ? {} : {
      quota-exceeded = {
        metric    = "MaxQuotaPercent"
        threshold = 100
        text      = "The fullest home${name == "efs" ? "" : " on ${name}"} is over its quota. The notice of the same scan, or `efs-scan status`, names its owner."
      }
    },
    # The same as quota-exceeded in all three cases. It exists as well because its value is the number of
    # homes, and is known (0) when no home of a scan has a quota. Only for the first file system.
    name != "efs" || !local.quotas ? {} : {
      homes-over-quota = {
        metric    = "HomesOverQuota"
        threshold = 0
        text      = "Homes are over their quota. The notice of the same scan, or `efs-scan status`, lists them."
      }
    },
    # The same again, for groups with a quota (group_quotas, or [quota.groups] in the input `settings`).
    name != "efs" || length(var.group_quotas) == 0 && !can(var.settings.quota.groups) ? {} : {
      groups-over-quota = {
        metric    = "GroupsOverQuota"
        threshold = 0
        text      = "Groups are over their quota. The notice of the same scan lists them."
      }
    },
    # The first day: INSUFFICIENT_DATA, because there is no run of the day before to compare with. Then OK,
    # or an alarm at once if a home grew by more than [growth] in the input `settings` allows. The
    # threshold is the program's own, so a size and a factor are one alarm.
    # A day without a scan: the state stays; the next scan divides growth by the days between.
    # After a partial scan, or one that could not compare every home, no point is sent, and the state stays.
    # A late scan: the state stays until it has finished. It clears the day after, if nothing grew again.
    !can(var.settings.growth) ? {} : {
      homes-grown = {
        metric    = "HomesGrown"
        threshold = 0
        text      = "Homes${local.of_names[name]} grew fast since the day before. The notice of the same scan names them, and the place in each that grew most."
      }
    },
    # The first day: INSUFFICIENT_DATA until the first scan has finished. EFS's own figure lags by
    # hours, so a scan right after large writes or deletions may differ: an alarm that clears the next
    # day means nothing.
    # A day without a scan, or with a scan that did not see everything and so compares nothing: the state
    # stays. A late scan: the state stays until it has finished.
    # It is blind where EFS cannot be asked (DescribeFileSystems refused, or no route to its endpoint):
    # the scan warns and succeeds, no point is sent, and the state stays for good. Missing points do not
    # distinguish that from a partial scan; the guide says where to look.
    {
      differs-from-efs = {
        metric    = "MeteredDifferencePercent"
        threshold = 10
        text      = "The metered size of the scan${local.of_names[name]} and that of EFS differ by more than 10 %. If this lasts, the scan misses something: the guide says where to look."
      }
    },
  ) : "${local.prefixes[name]}${kind}" => merge(alarm, { of = name }) }]...)
}

# Alarms keep their names, as everything does (versions.tf).
resource "aws_cloudwatch_metric_alarm" "value" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = { FileSystemId = local.homes[each.value.of].id }
  statistic           = "Maximum"
  period              = 86400
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "ignore"
  alarm_actions       = [local.topic]
  ok_actions          = [local.topic]
  tags                = var.tags

  lifecycle {
    ignore_changes = [alarm_name]
  }
}

# The first day: INSUFFICIENT_DATA until the first scan has finished, and for good if no home has that
# name; the scan's log then names the missing user.
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
  alarm_actions       = [local.topic]
  ok_actions          = [local.topic]
  tags                = var.tags

  lifecycle {
    ignore_changes = [alarm_name]
  }
}

# As the alarm of a user. After a scan that did not read all homes of the group, the state stays.
resource "aws_cloudwatch_metric_alarm" "group_quota" {
  for_each = var.group_quotas

  alarm_name        = "${local.name}-group-quota-${each.key}"
  alarm_description = "The homes of group ${each.key} use more than ${each.value} together. `efs-scan status --by group` shows the groups."
  namespace         = local.namespace
  metric_name       = "QuotaPercent"
  dimensions = {
    FileSystemId = local.file_system_id
    Group        = each.key
  }
  statistic           = "Maximum"
  period              = 86400
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 100
  treat_missing_data  = "ignore"
  alarm_actions       = [local.topic]
  ok_actions          = [local.topic]
  tags                = var.tags

  lifecycle {
    ignore_changes = [alarm_name]
  }
}

# The dead man's switch: raised when no complete scan has been published for 30 hours. The period is an
# hour, because a period of a day would notice a missing point a day too late. It takes 30 of them,
# because a point is sent when a scan ends: two points are more than 24 hours apart when the second
# scan took longer. CloudWatch evaluates an alarm over more than a day once an hour, and looks back
# somewhat further than 30 hours for points (user guide, "Evaluating an alarm"), so the alarm may be an
# hour or a few later than said here.
#
# The first day: an alarm within an hour of `apply`, because a new alarm has no hour with a scan to look
# back at, unless the first scan was published in an earlier hour by then; OK in the hour after the
# first complete scan. Addresses that are confirmed by then get both messages.
# A day without a scan: an alarm 30 hours after the last complete one, which is some 6 hours after the
# missing scan, whatever the reason: no instance, no mount, no permission, an error.
# A late scan: nothing if it is less than 6 hours late; else an alarm, and OK in the hour after the scan
# was published.
# A partial scan counts as none. The statistic is Maximum, so a complete scan counts in an hour that has
# a partial one as well.
resource "aws_cloudwatch_metric_alarm" "missing" {
  for_each = local.domains

  alarm_name          = "${local.name}-${local.prefixes[each.key]}no-scan"
  alarm_description   = "No complete scan${local.of_names[each.key]} has been published for 30 hours. ${local.on_instance ? "On the instance, `journalctl -u efs-scan` says why" : "The log group ${local.log_group} says why"}; the guide says what to do."
  namespace           = local.namespace
  metric_name         = "ScanComplete"
  dimensions          = { FileSystemId = local.homes[each.key].id }
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 30
  datapoints_to_alarm = 30
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [local.topic]
  ok_actions          = [local.topic]
  tags                = var.tags

  lifecycle {
    ignore_changes = [alarm_name]
  }
}

# These were resources of their own for the first domain and for the others.
moved {
  from = aws_cloudwatch_metric_alarm.more
  to   = aws_cloudwatch_metric_alarm.value
}

moved {
  from = aws_cloudwatch_metric_alarm.total["over-budget"]
  to   = aws_cloudwatch_metric_alarm.value["over-budget"]
}

moved {
  from = aws_cloudwatch_metric_alarm.total["quota-exceeded"]
  to   = aws_cloudwatch_metric_alarm.value["quota-exceeded"]
}

moved {
  from = aws_cloudwatch_metric_alarm.total["homes-over-quota"]
  to   = aws_cloudwatch_metric_alarm.value["homes-over-quota"]
}

moved {
  from = aws_cloudwatch_metric_alarm.total["groups-over-quota"]
  to   = aws_cloudwatch_metric_alarm.value["groups-over-quota"]
}

moved {
  from = aws_cloudwatch_metric_alarm.total["differs-from-efs"]
  to   = aws_cloudwatch_metric_alarm.value["differs-from-efs"]
}

moved {
  from = aws_cloudwatch_metric_alarm.more_no_scan
  to   = aws_cloudwatch_metric_alarm.missing
}

moved {
  from = aws_cloudwatch_metric_alarm.no_scan
  to   = aws_cloudwatch_metric_alarm.missing["efs"]
}
