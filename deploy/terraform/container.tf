# The container that scans, with compute = "fargate".

locals {
  log_group = var.log_group != null ? var.log_group.name : "/efs-scan/${local.name}"

  # What it may write: a volume of the task, which goes with it. Only temporary files are there; names and
  # records of notices are at the destination.
  scratch = "/var/lib/efs-scan"

  # On a mount uid 0 keeps the capability for checks on this side; the server checks the uid. Fargate can
  # only drop capabilities, so it is not DAC_READ_SEARCH, which also reads and cannot write (ECS API reference,
  # KernelCapabilities).
  dropped = local.direct ? ["ALL"] : [
    "AUDIT_WRITE", "CHOWN", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_CHROOT",
  ]

  mounts = local.direct ? [] : [for name in keys(local.domains) : {
    sourceVolume  = name
    containerPath = "/mnt/${name}"
    readOnly      = true
  }]

  # Every key that ECS would add with a default is here, so a plan finds no difference.
  container = {
    name      = "efs-scan"
    image     = try(var.fargate.image, null)
    essential = true
    command   = []
    user      = local.direct ? "65532:65532" : "0:0"

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

    mountPoints  = concat(local.mounts, [{ sourceVolume = "scratch", containerPath = local.scratch, readOnly = false }])
    volumesFrom  = []
    portMappings = []

    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { add = [], drop = local.dropped } }

    # A scan that is told to end finishes what it is sending. Fargate waits two minutes at most.
    stopTimeout = 120

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = local.log_group
        awslogs-region        = local.region
        awslogs-stream-prefix = "efs-scan"
      }
    }
  }

  # Of a private registry of ECR: account, region and repository.
  registry = try(regex("^([0-9]{12})[.]dkr[.-]ecr[.]([a-z0-9-]+)[.][a-z.]+/([^:@]+)", var.fargate.image), null)
}

resource "aws_ecs_cluster" "scan" {
  count = local.on_instance ? 0 : 1

  name = local.name
  tags = var.tags

  lifecycle {
    ignore_changes = [name]
  }
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

# Every change makes a new revision. A scan that runs goes on with its own.
resource "aws_ecs_task_definition" "scan" {
  count = local.on_instance ? 0 : 1

  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.fargate.cpu
  memory                   = var.fargate.memory
  task_role_arn            = local.role_arn
  execution_role_arn       = aws_iam_role.execution[0].arn
  container_definitions    = jsonencode([local.container])
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  # The task's role proves itself to the file system, over TLS.
  dynamic "volume" {
    for_each = local.direct ? {} : local.homes

    content {
      name = volume.key

      efs_volume_configuration {
        file_system_id     = volume.value.id
        root_directory     = "/"
        transit_encryption = "ENABLED"

        authorization_config {
          iam = "ENABLED"
        }
      }
    }
  }

  volume {
    name = "scratch"
  }

  lifecycle {
    precondition {
      condition     = var.fargate != null
      error_message = "compute = \"fargate\" needs `fargate`, with the image."
    }

    precondition {
      condition     = local.direct || var.foreign_file_system == null
      error_message = "ECS mounts no file system of another account: set engine = \"nfs\" in `fargate`."
    }

    # Who was reminded is in the state directory, which goes with the task.
    precondition {
      condition     = var.remind == null
      error_message = "remind needs compute = \"instance\": a container forgets who was reminded, and would write to everybody each day."
    }
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
