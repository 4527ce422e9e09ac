data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.on_instance ? "ec2.amazonaws.com" : "ecs-tasks.amazonaws.com"]
    }

    # ECS asks for this account's tasks only (ECS developer guide, "Task IAM role").
    dynamic "condition" {
      for_each = local.on_instance ? [] : [local.account]

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [condition.value]
      }
    }
  }
}

locals {
  own_role = var.role == null
  role_arn = local.own_role ? aws_iam_role.monitor[0].arn : var.role.arn
  # An ACL is sent only if the settings ask for one.
  publish_actions = concat(
    ["s3:PutObject"], can(var.settings.publish.acl) ? ["s3:PutObjectAcl"] : [],
  )
  role_name = local.own_role ? aws_iam_role.monitor[0].name : element(split("/", var.role.arn), length(split("/", var.role.arn)) - 1)
}

resource "aws_iam_role" "monitor" {
  count = local.own_role ? 1 : 0

  name                 = "${local.name}-monitor-${local.region}"
  description          = local.on_instance ? "efs-scan on the instance that watches ${var.domain_id}" : "efs-scan, which watches ${var.domain_id}"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    # The region in it is unknown to some plans.
    ignore_changes = [name]
  }
}

# Permissions for efs-scan and, on an instance, for shells through Systems Manager, and nothing else.
# deploy/docs/publishing.md says what efs-scan needs each for.
data "aws_iam_policy_document" "monitor" {
  statement {
    sid       = "Publish"
    actions   = local.publish_actions
    resources = local.written
  }

  statement {
    sid       = "NotBelowOthers"
    effect    = "Deny"
    actions   = local.publish_actions
    resources = local.never_written
  }

  # Earlier runs, and the newest ones of all file systems.
  statement {
    sid       = "ReadBack"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.prefix}/*"]
  }

  # On the whole bucket: without ListBucket, S3 answers 403 for an object
  # that does not exist yet, and the first run would be refused. S3's decision on a GetObject has no
  # s3:prefix for a condition.
  statement {
    sid       = "TellMissingFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = local.on_instance ? [local.package_key] : []

    content {
      sid       = "Install"
      actions   = ["s3:GetObject"]
      resources = ["${local.bucket_arn}/${statement.value}"]
    }
  }

  # PutMetricData supports no resources.
  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [local.namespace]
    }
  }

  # Only if it is asked for: GetMetricData supports neither resources nor conditions, so it reads the metrics
  # of the whole account (Service Authorization Reference, Amazon CloudWatch).
  dynamic "statement" {
    for_each = var.read_metrics ? ["*"] : []

    content {
      sid       = "ThroughputOfTheFileSystem"
      actions   = ["cloudwatch:GetMetricData"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [local.topic]
  }

  # No ClientWrite. ClientRootAccess, because homes are mode 700 and the server checks the uid.
  statement {
    sid = "Homes"
    actions = [
      "elasticfilesystem:ClientMount",
      "elasticfilesystem:ClientRootAccess",
      "elasticfilesystem:DescribeFileSystems",
      "elasticfilesystem:DescribeLifecycleConfiguration",
    ]
    resources = local.file_system_arns
  }

  # List actions support no resources (Service Authorization Reference, Amazon SageMaker). ListDomains is
  # for domains given by name; this one is given by its id.
  statement {
    sid       = "NamesOfHomes"
    actions   = ["sagemaker:ListApps", "sagemaker:ListSpaces", "sagemaker:ListUserProfiles"]
    resources = ["*"]
  }

  # Only if groups come from a tag.
  dynamic "statement" {
    for_each = can(var.settings.group_tag) ? [local.domain_ids] : []

    content {
      sid     = "GroupsOfPeople"
      actions = ["sagemaker:ListTags"]
      resources = [
        for id in statement.value : "arn:${local.partition}:sagemaker:${local.region}:${local.account}:user-profile/${id}/*"
      ]
    }
  }

  statement {
    sid     = "UidsOfHomes"
    actions = ["sagemaker:DescribeSpace", "sagemaker:DescribeUserProfile"]
    resources = [
      for it in setproduct(["space", "user-profile"], local.domain_ids) :
      "arn:${local.partition}:sagemaker:${local.region}:${local.account}:${it[0]}/${it[1]}/*"
    ]
  }

  # Objects and messages that are encrypted with keys of yours.
  dynamic "statement" {
    for_each = local.key_arns == null ? [] : [local.key_arns]

    content {
      sid       = "Keys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = statement.value
    }
  }

  # CloudWatch's agent sends the journal of the scans there. For a container ECS does, by another role.
  dynamic "statement" {
    for_each = !local.on_instance || var.log_group == null ? [] : [var.log_group.name]

    content {
      sid     = "Logs"
      actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = [
        "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${statement.value}",
        "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${statement.value}:*",
      ]
    }
  }

  # Only with this sender, whatever else is verified in the account.
  dynamic "statement" {
    for_each = var.remind == null ? [] : [var.remind]

    content {
      sid       = "Reminders"
      actions   = ["ses:SendEmail"]
      resources = ["arn:${local.partition}:ses:${local.region}:${local.account}:identity/*"]

      condition {
        test     = "StringEquals"
        variable = "ses:FromAddress"
        values   = [statement.value.from]
      }
    }
  }

  # GetAccount tells how many messages a second the account may send. It supports no resources.
  dynamic "statement" {
    for_each = var.remind == null ? [] : [var.remind]

    content {
      sid       = "RateOfReminders"
      actions   = ["ses:GetAccount"]
      resources = ["*"]
    }
  }

  # Session Manager instead of SSH, with what it needs and no more (user guide, "Create a custom IAM role
  # for Session Manager"). AmazonSSMManagedInstanceCore would also let the monitor read every parameter
  # of the account. ssmmessages supports no resources, and the instance, to which
  # UpdateInstanceInformation could be limited, is created after its role.
  dynamic "statement" {
    for_each = local.on_instance ? ["*"] : []

    content {
      sid = "Shells"
      actions = [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      resources = [statement.value]
    }
  }
}

# A role that was handed in gets no policy unless that is asked for: its owner attaches the output role_policy.
resource "aws_iam_role_policy" "monitor" {
  count = local.own_role || try(var.role.attach_policy, false) ? 1 : 0

  name   = local.own_role ? "efs-scan" : local.name
  role   = local.role_name
  policy = data.aws_iam_policy_document.monitor.json
}

resource "aws_iam_instance_profile" "monitor" {
  count = local.on_instance && local.own_role ? 1 : 0

  name = local.role_name
  role = local.role_name
  tags = var.tags

  lifecycle {
    ignore_changes = [name]
  }
}
