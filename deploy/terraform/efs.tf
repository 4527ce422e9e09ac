# The domain's file system. SageMaker tags what it creates for a domain with the domain's ARN.
data "aws_efs_file_system" "homes" {
  file_system_id = var.file_system_id
  tags = var.file_system_id != null ? null : {
    ManagedByAmazonSageMakerResource = "arn:${local.partition}:sagemaker:${local.region}:${local.account}:domain/${var.domain_id}"
  }
}

locals {
  file_system_id = data.aws_efs_file_system.homes.file_system_id
}

# A file system without a policy admits every client that reaches a mount target, whatever IAM says;
# then only `ro` in the mount keeps the monitor from writing. This policy leaves all other clients what
# they have without one (EFS user guide, "Using IAM to control access to file systems"), and denies
# writes to the monitor's role. It applies to clients that mount as the role, with `iam`: root on the
# monitor could mount without it, as anybody. EFS takes minutes to apply a change.
data "aws_iam_policy_document" "file_system" {
  statement {
    sid       = "EverybodyAsWithoutAPolicy"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
    resources = [data.aws_efs_file_system.homes.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    # Without this condition "*" would be the world, and EFS would call the policy public.
    condition {
      test     = "Bool"
      variable = "elasticfilesystem:AccessedViaMountTarget"
      values   = ["true"]
    }
  }

  statement {
    sid       = "TheMonitorReads"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientRootAccess"]
    resources = [data.aws_efs_file_system.homes.arn]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.monitor.arn]
    }
  }

  statement {
    sid       = "TheMonitorNeverWrites"
    effect    = "Deny"
    actions   = ["elasticfilesystem:ClientWrite"]
    resources = [data.aws_efs_file_system.homes.arn]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.monitor.arn]
    }
  }
}

# Off by default: it replaces a policy that the live domain may depend on, and Terraform does not show
# the one that was there before.
resource "aws_efs_file_system_policy" "homes" {
  count = var.attach_file_system_policy ? 1 : 0

  file_system_id = local.file_system_id
  policy         = data.aws_iam_policy_document.file_system.json
}
