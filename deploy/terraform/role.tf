data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitor" {
  name               = "${local.name}-monitor-${local.region}"
  description        = "efs-scan on the instance that watches ${var.domain_id}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

# What efs-scan does, shells through Systems Manager, and nothing else; README.md says for what
# efs-scan needs each.
data "aws_iam_policy_document" "monitor" {
  statement {
    sid       = "Publish"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.reports.arn}/${var.prefix}/*"]
  }

  # On all of the bucket, which is this module's own: where S3 does not let list, it says 403 of an
  # object that is not there yet, and the first run would be refused. Its decision on a GetObject
  # has no s3:prefix to put a condition on.
  statement {
    sid       = "TellMissingFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.reports.arn]
  }

  statement {
    sid       = "Install"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.reports.arn}/${local.package_key}"]
  }

  # PutMetricData knows no resources.
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

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]
  }

  # No ClientWrite. ClientRootAccess, because homes are mode 700 and the server checks the uid.
  statement {
    sid = "Homes"
    actions = [
      "elasticfilesystem:ClientMount",
      "elasticfilesystem:ClientRootAccess",
      "elasticfilesystem:DescribeFileSystems",
    ]
    resources = [data.aws_efs_file_system.homes.arn]
  }

  # Lists know no resources (Service Authorization Reference, Amazon SageMaker). ListDomains is for
  # domains by name, and this one is named by its id.
  statement {
    sid       = "NamesOfHomes"
    actions   = ["sagemaker:ListApps", "sagemaker:ListSpaces", "sagemaker:ListUserProfiles"]
    resources = ["*"]
  }

  statement {
    sid     = "UidsOfHomes"
    actions = ["sagemaker:DescribeSpace", "sagemaker:DescribeUserProfile"]
    resources = [
      "arn:${local.partition}:sagemaker:${local.region}:${local.account}:space/${var.domain_id}/*",
      "arn:${local.partition}:sagemaker:${local.region}:${local.account}:user-profile/${var.domain_id}/*",
    ]
  }

  # Under no other sender's name, whatever else is verified in the account.
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

  # How many messages a second the account may send. GetAccount knows no resources.
  dynamic "statement" {
    for_each = var.remind == null ? [] : [var.remind]

    content {
      sid       = "RateOfReminders"
      actions   = ["ses:GetAccount"]
      resources = ["*"]
    }
  }

  # Instead of SSH: what Session Manager needs and no more (user guide, "Create a custom IAM role
  # for Session Manager"). AmazonSSMManagedInstanceCore would let the monitor read every parameter
  # of the account, too. ssmmessages knows no resources, and the instance, which
  # UpdateInstanceInformation could be limited to, is made after its role.
  statement {
    sid = "Shells"
    actions = [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "monitor" {
  name   = "efs-scan"
  role   = aws_iam_role.monitor.id
  policy = data.aws_iam_policy_document.monitor.json
}

resource "aws_iam_instance_profile" "monitor" {
  name = aws_iam_role.monitor.name
  role = aws_iam_role.monitor.name
  tags = var.tags
}
