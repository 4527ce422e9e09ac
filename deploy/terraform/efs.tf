# The domain's file system. SageMaker tags what it creates for a domain with the domain's ARN.
# Another account's is not looked up, because this account's list does not have it.
data "aws_efs_file_system" "homes" {
  count = var.foreign_file_system == null ? 1 : 0

  file_system_id = var.file_system_id
  tags = var.file_system_id != null ? null : {
    ManagedByAmazonSageMakerResource = "arn:${local.partition}:sagemaker:${local.region}:${local.account}:domain/${var.domain_id}"
  }
}

locals {
  file_system_id = var.foreign_file_system != null ? var.foreign_file_system.id : var.file_system_id != null ? var.file_system_id : data.aws_efs_file_system.homes[0].file_system_id
  file_system_arn = (var.foreign_file_system == null
    ? data.aws_efs_file_system.homes[0].arn
    : "arn:${local.partition}:elasticfilesystem:${local.region}:${var.foreign_file_system.account_id}:file-system/${var.foreign_file_system.id}"
  )
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
    resources = [local.file_system_arn]

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
    resources = [local.file_system_arn]

    principals {
      type        = "AWS"
      identifiers = [local.role_arn]
    }
  }

  statement {
    sid       = "TheMonitorNeverWrites"
    effect    = "Deny"
    actions   = ["elasticfilesystem:ClientWrite"]
    resources = [local.file_system_arn]

    principals {
      type        = "AWS"
      identifiers = [local.role_arn]
    }
  }
}

# Off by default: it replaces a policy that the live domain may depend on, and Terraform does not show
# the one that was there before.
resource "aws_efs_file_system_policy" "homes" {
  count = var.attach_file_system_policy ? 1 : 0

  file_system_id = local.file_system_id
  policy         = data.aws_iam_policy_document.file_system.json

  lifecycle {
    # A policy cannot move to another file system, and must not go for a moment.
    ignore_changes = [file_system_id]

    postcondition {
      condition     = self.file_system_id == local.file_system_id
      error_message = "The policy is that of ${self.file_system_id}. To attach it to another file system: terraform apply -replace=ADDRESS for this policy."
    }
  }
}
