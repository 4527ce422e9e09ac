# The domains' file systems. SageMaker tags what it creates for a domain with the domain's ARN.
# Another account's is not looked up, because this account's list does not have it.
data "aws_efs_file_system" "homes" {
  for_each = { for name, it in local.domains : name => it if name != "efs" || var.foreign_file_system == null }

  file_system_id = each.value.file_system_id
  tags = each.value.file_system_id != null ? null : {
    ManagedByAmazonSageMakerResource = "arn:${local.partition}:sagemaker:${local.region}:${local.account}:domain/${each.value.domain_id}"
  }
}

locals {
  foreign = var.foreign_file_system == null ? {} : {
    efs = {
      id  = var.foreign_file_system.id
      arn = "arn:${local.partition}:elasticfilesystem:${local.region}:${var.foreign_file_system.account_id}:file-system/${var.foreign_file_system.id}"
    }
  }
  # An id that is given is known to every plan.
  homes = merge(
    { for name, it in data.aws_efs_file_system.homes : name => {
      id  = local.domains[name].file_system_id != null ? local.domains[name].file_system_id : it.file_system_id
      arn = it.arn
    } },
    local.foreign,
  )
  file_system_id = local.homes.efs.id

  # That of domain_id first.
  file_system_ids  = concat([local.homes.efs.id], [for name in keys(var.more_domains) : local.homes[name].id])
  file_system_arns = concat([local.homes.efs.arn], [for name in keys(var.more_domains) : local.homes[name].arn])
}

# A file system without a policy admits every client that reaches a mount target, whatever IAM says;
# then only `ro` in the mount keeps the monitor from writing. This policy leaves all other clients what
# they have without one (EFS user guide, "Using IAM to control access to file systems"), and denies
# writes to the monitor's role. It applies to clients that mount as the role, with `iam`: root on the
# monitor could mount without it, as anybody. EFS takes minutes to apply a change.
data "aws_iam_policy_document" "file_system" {
  for_each = local.homes

  statement {
    sid       = "EverybodyAsWithoutAPolicy"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
    resources = [each.value.arn]

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

# Only that of domain_id. Off by default: it replaces a policy that the live domain may depend on, and Terraform does not show
# the one that was there before.
resource "aws_efs_file_system_policy" "homes" {
  count = var.attach_file_system_policy ? 1 : 0

  file_system_id = local.file_system_id
  policy         = data.aws_iam_policy_document.file_system["efs"].json

  lifecycle {
    # A policy cannot move to another file system, and must not go for a moment.
    ignore_changes = [file_system_id]

    postcondition {
      condition     = self.file_system_id == local.file_system_id
      error_message = "The policy is that of ${self.file_system_id}. To attach it to another file system: terraform apply -replace=ADDRESS for this policy."
    }
  }
}
