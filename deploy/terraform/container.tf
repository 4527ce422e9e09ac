# What a container that scans has, whoever starts it: ECS (task.tf) or AWS Batch (batch.tf).

locals {
  log_group = var.log_group != null ? var.log_group.name : "/efs-scan/${local.name}"

  # What it may write, and what goes with it. Only temporary files are there; names and records of notices are
  # at the destination.
  scratch = "/var/lib/efs-scan"

  image = try(var.fargate.image, null)

  # On a mount uid 0 keeps the capability for checks on this side; the server checks the uid.
  container_user = local.direct ? "65532:65532" : "0:0"

  environment = [for name, value in merge(
    {
      # There is no instance's metadata in a task, so nothing waits for it.
      AWS_EC2_METADATA_DISABLED = "true"
      AWS_REGION                = local.region
      EFS_SCAN_CONFIG_TOML      = local.configuration
      EFS_SCAN_STATE            = "destination"
      TMPDIR                    = local.scratch
    },
    var.ipv6 ? { AWS_USE_DUALSTACK_ENDPOINT = "true" } : {},
  ) : { name = name, value = value }]

  mounts = local.direct ? [] : [for name in keys(local.domains) : {
    sourceVolume  = name
    containerPath = "/mnt/${name}"
    readOnly      = true
  }]

  log_configuration = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = local.log_group
      awslogs-region        = local.region
      awslogs-stream-prefix = "efs-scan"
    }
  }

  # Longer than any scan took, as for the service of an instance: a server that never answers does not block
  # the next day's run.
  longest_scan = 72000

  # Of a private registry of ECR: account, region and repository.
  registry = try(regex("^([0-9]{12})[.]dkr[.-]ecr[.]([a-z0-9-]+)[.][a-z.]+/([^:@]+)", local.image), null)
}

resource "aws_cloudwatch_log_group" "scan" {
  count = !local.on_instance && var.log_group == null ? 1 : 0

  name              = local.log_group
  retention_in_days = try(var.fargate.log_retention_days, null)
  tags              = var.tags

  lifecycle {
    ignore_changes = [name]
  }
}

# Of ECS itself: it fetches the image and writes the log. The container has no way to this role.
data "aws_iam_policy_document" "execution" {
  dynamic "statement" {
    for_each = local.registry == null ? [] : [local.registry]

    content {
      sid       = "Image"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = ["arn:${local.partition}:ecr:${statement.value[1]}:${statement.value[0]}:repository/${statement.value[2]}"]
    }
  }

  # GetAuthorizationToken supports no resources (Service Authorization Reference, Amazon ECR).
  dynamic "statement" {
    for_each = local.registry == null ? [] : ["*"]

    content {
      sid       = "Registry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group}:*"]
  }
}

data "aws_iam_policy_document" "assume_execution" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "execution" {
  count = local.on_instance ? 0 : 1

  name                 = "${local.name}-execution-${local.region}"
  description          = "ECS, which starts efs-scan for ${var.domain_id}"
  assume_role_policy   = data.aws_iam_policy_document.assume_execution.json
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_iam_role_policy" "execution" {
  count = local.on_instance ? 0 : 1

  name   = "efs-scan"
  role   = aws_iam_role.execution[0].name
  policy = data.aws_iam_policy_document.execution.json
}
