# Further domains of the same VPC: the same instance scans their file systems, each for itself, and publishes
# them to the same destination. For a domain of another VPC or account, add a module.

variable "more_domains" {
  description = "Further domains whose file systems have mount targets in the VPC of subnet_id, by names of your choice: { stage = { domain_id = \"d-…\" } }. file_system_id and nfs_security_group_id are looked up as for domain_id. budget_gib, quota_default and `name`, which people see, are those of this file system. Each is mounted at /mnt/NAME; one that is removed here stays mounted until the instance is restarted without its line in /etc/fstab."
  type = map(object({
    domain_id             = string
    file_system_id        = optional(string)
    nfs_security_group_id = optional(string)
    budget_gib            = optional(number)
    quota_default         = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.more_domains) : can(regex("^[a-z][a-z0-9]{0,30}$", name)) && name != "efs"])
    error_message = "more_domains must have names of up to 31 small letters and digits that begin with a letter, and are not efs: they are directories below /mnt."
  }

  validation {
    condition     = alltrue([for it in values(var.more_domains) : can(regex("^d-[a-z0-9-]{1,61}$", it.domain_id))])
    error_message = "more_domains must have ids of SageMaker domains, like d-abc123def456."
  }

  validation {
    condition     = alltrue([for it in values(var.more_domains) : it.file_system_id == null || can(regex("^fs-([0-9a-f]{8}|[0-9a-f]{17})$", it.file_system_id))])
    error_message = "file_system_id in more_domains must be the id of an EFS file system, like fs-0123456789abcdef0, or be left out."
  }

  validation {
    condition     = alltrue([for it in values(var.more_domains) : it.budget_gib == null || try(it.budget_gib > 0, false)])
    error_message = "budget_gib in more_domains must be more than 0, or be left out for no alarm."
  }

  # efs-scan checks the size itself before the first scan.
  validation {
    condition     = alltrue([for it in values(var.more_domains) : it.quota_default == null || can(regex("^[0-9]+([.][0-9]+)?(M|G|T)i?B$", it.quota_default))])
    error_message = "quota_default in more_domains must be a size with its unit, like 50GiB, or be left out."
  }
}

data "aws_efs_file_system" "more" {
  for_each = var.more_domains

  file_system_id = each.value.file_system_id
  tags = each.value.file_system_id != null ? null : {
    ManagedByAmazonSageMakerResource = "arn:${local.partition}:sagemaker:${local.region}:${local.account}:domain/${each.value.domain_id}"
  }
}

data "aws_security_group" "more" {
  for_each = local.own_network ? var.more_domains : {}

  id     = each.value.nfs_security_group_id
  name   = each.value.nfs_security_group_id == null ? "security-group-for-inbound-nfs-${each.value.domain_id}" : null
  vpc_id = data.aws_subnet.monitor[0].vpc_id
}

locals {
  domain_ids = concat([var.domain_id], [for it in values(var.more_domains) : it.domain_id])

  # The first one is that of domain_id.
  file_system_ids  = concat([local.file_system_id], [for it in values(data.aws_efs_file_system.more) : it.file_system_id])
  file_system_arns = concat([local.file_system_arn], [for it in values(data.aws_efs_file_system.more) : it.arn])

  # The tables [[file_system]] of the configuration. Sources of names that are no domain are for all of them.
  other_names = [for name in try(var.settings.names, []) : name if !startswith(name, "sagemaker:")]
  file_systems = concat(
    [{
      root           = "/mnt/efs"
      require_mount  = true
      file_system_id = local.file_system_id
      names          = try(var.settings.names, ["sagemaker:${var.domain_id}"])
    }],
    [for name, it in var.more_domains : merge(
      {
        name           = name
        root           = "/mnt/${name}"
        require_mount  = true
        file_system_id = data.aws_efs_file_system.more[name].file_system_id
        names          = concat(["sagemaker:${it.domain_id}"], local.other_names)
      },
      it.quota_default == null ? {} : { quota = { default = it.quota_default } },
    )],
  )
}

resource "aws_vpc_security_group_egress_rule" "more" {
  for_each = data.aws_security_group.more

  security_group_id            = aws_security_group.monitor[0].id
  description                  = "The homes of ${each.key}"
  referenced_security_group_id = each.value.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "more" {
  for_each = data.aws_security_group.more

  security_group_id            = each.value.id
  description                  = "efs-scan, the monitor of disk usage"
  referenced_security_group_id = aws_security_group.monitor[0].id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags

  lifecycle {
    # Unknown to some plans. A rule cannot move to another group.
    ignore_changes = [security_group_id]
  }
}

locals {
  more_alarms = merge([
    for name, it in var.more_domains : { for kind, alarm in merge(
      it.budget_gib == null ? {} : {
        over-budget = {
          metric    = "MeteredBytes"
          threshold = it.budget_gib * pow(1024, 3)
          text      = "The metered size of ${name} is over ${it.budget_gib} GiB. `efs-scan status` says who uses how much."
        }
      },
      !local.quotas && it.quota_default == null ? {} : {
        quota-exceeded = {
          metric    = "MaxQuotaPercent"
          threshold = 100
          text      = "The fullest home on ${name} is over its quota. The notice of the same scan, or `efs-scan status`, names its owner."
        }
      },
      {
        differs-from-efs = {
          metric    = "MeteredDifferencePercent"
          threshold = 10
          text      = "The metered size of the scan of ${name} and that of EFS differ by more than 10 %. If this lasts, the scan misses something: the guide says where to look."
        }
      },
      ) : "${name}-${kind}" => merge(alarm, { of = name })
    }
  ]...)
}

# What these do on the first day, and where a scan is late or missing, is said at their likes in alarms.tf.
resource "aws_cloudwatch_metric_alarm" "more" {
  for_each = local.more_alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = { FileSystemId = data.aws_efs_file_system.more[each.value.of].file_system_id }
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

resource "aws_cloudwatch_metric_alarm" "more_no_scan" {
  for_each = var.more_domains

  alarm_name          = "${local.name}-${each.key}-no-scan"
  alarm_description   = "No complete scan of ${each.key} has been published for 30 hours. On the instance, `journalctl -u efs-scan` says why; the guide says what to do."
  namespace           = local.namespace
  metric_name         = "ScanComplete"
  dimensions          = { FileSystemId = data.aws_efs_file_system.more[each.key].file_system_id }
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

# As for the first file system in efs.tf. Nothing attaches these.
data "aws_iam_policy_document" "more" {
  for_each = data.aws_efs_file_system.more

  statement {
    sid       = "EverybodyAsWithoutAPolicy"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "elasticfilesystem:AccessedViaMountTarget"
      values   = ["true"]
    }
  }

  statement {
    sid       = "TheMonitorReads"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientRootAccess"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = [local.role_arn]
    }
  }

  statement {
    sid       = "TheMonitorNeverWrites"
    effect    = "Deny"
    actions   = ["elasticfilesystem:ClientWrite"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = [local.role_arn]
    }
  }
}

output "file_system_ids" {
  description = "Ids of all scanned file systems, which are their keys at the destination; that of domain_id is `efs`."
  value       = merge({ efs = local.file_system_id }, { for name, it in data.aws_efs_file_system.more : name => it.file_system_id })
}

output "more_file_system_policies" {
  description = "File system policies of more_domains, by name, as file_system_policy is that of the first. They are never attached."
  value       = { for name, it in data.aws_iam_policy_document.more : name => it.json }
}
