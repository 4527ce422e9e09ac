# The task of ECS that scans, with compute = "fargate", and the state machine that runs it.

locals {
  # Fargate can only drop capabilities, so the one that reads other people's files is DAC_OVERRIDE, and not
  # DAC_READ_SEARCH, which cannot write (ECS API reference, KernelCapabilities).
  dropped = local.direct ? ["ALL"] : [
    "AUDIT_WRITE", "CHOWN", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_CHROOT",
  ]

  # Every key that ECS would add with a default is here, so a plan finds no difference.
  container = {
    name         = "efs-scan"
    image        = local.image
    essential    = true
    command      = []
    user         = local.container_user
    environment  = local.environment
    mountPoints  = concat(local.mounts, [{ sourceVolume = "scratch", containerPath = local.scratch, readOnly = false }])
    volumesFrom  = []
    portMappings = []

    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { add = [], drop = local.dropped } }

    # A scan that is told to end finishes what it is sending. Fargate waits two minutes at most.
    stopTimeout = 120

    logConfiguration = local.log_configuration
  }
}

resource "aws_ecs_cluster" "scan" {
  count = local.on_fargate ? 1 : 0

  name = local.name
  tags = var.tags

  lifecycle {
    ignore_changes = [name]
  }
}

# Every change makes a new revision. A scan that runs goes on with its own.
resource "aws_ecs_task_definition" "scan" {
  count = local.on_fargate ? 1 : 0

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
  }
}

locals {
  # What repeating may help (deploy/docs/formats.md, "Exit codes"): 1, nothing was scanned, because AWS or the
  # file system was out of reach, and 5, a run that was not sent and went with the container. A scan that could
  # not read everything (3) is published.
  repeated = [1, 5]

  run_task = {
    Cluster        = one(aws_ecs_cluster.scan[*].arn)
    TaskDefinition = one(aws_ecs_task_definition.scan[*].arn)
    LaunchType     = "FARGATE"
    PropagateTags  = "TASK_DEFINITION"
    NetworkConfiguration = {
      AwsvpcConfiguration = {
        Subnets        = [var.subnet_id]
        SecurityGroups = local.monitor_groups
        AssignPublicIp = local.public_ip
      }
    }
  }

  task_machine = {
    Comment        = "One scan. It is repeated if it was not published, up to three times."
    StartAt        = "Begin"
    TimeoutSeconds = 82800 # 23 hours
    States = merge({
      Begin = { Type = "Pass", Result = { tries = 0 }, Next = "Scan" }
      Scan = {
        Type       = "Task"
        Resource   = "arn:${local.partition}:states:::ecs:runTask.sync"
        Parameters = local.run_task
        # Step Functions stops the task then.
        TimeoutSeconds = local.longest_scan
        ResultPath     = null
        # The task did not start: no capacity, or too many calls.
        Retry = [{
          ErrorEquals     = ["AmazonECS.Unknown", "ECS.AmazonECSException", "ECS.ServerException"]
          IntervalSeconds = 60
          BackoffRate     = 2
          MaxAttempts     = 6
        }]
        Catch = [{ ErrorEquals = ["States.TaskFailed"], ResultPath = "$.failed", Next = "Read" }]
        Next  = local.after_scan
      }
      # The cause is ECS's description of the task, as text. The task may have containers besides this one, such
      # as GuardDuty's.
      Read = {
        Type = "Pass"
        Parameters = {
          "tries.$" = "States.MathAdd($.tries, 1)"
          "task.$"  = "States.StringToJson($.failed.Cause)"
        }
        Next = "Find"
      }
      Find = {
        Type = "Pass"
        Parameters = {
          "tries.$" = "$.tries"
          "codes.$" = "$.task.Containers[?(@.Name == '${local.container.name}')].ExitCode"
        }
        Next = "Compare"
      }
      Compare = {
        Type = "Pass"
        Parameters = merge(
          { "tries.$" = "$.tries" },
          { for code in local.repeated : "is${code}.$" => "States.ArrayContains($.codes, ${code})" },
        )
        Next = "Judge"
      }
      Judge = {
        Type = "Choice"
        Choices = [{
          And = [
            { Variable = "$.tries", NumericLessThan = 4 },
            { Or = [for code in local.repeated : { Variable = "$.is${code}", BooleanEquals = true }] },
          ]
          Next = "Wait"
        }]
        Default = "Failed"
      }
      Wait = { Type = "Wait", Seconds = 900, Next = "Scan" }
      },
      local.last_states,
      { for name, state in {
        Remind = merge(local.remind_state, {
          Resource = "arn:${local.partition}:states:::ecs:runTask.sync"
          Parameters = merge(local.run_task, {
            Overrides = { ContainerOverrides = [{ Name = local.container.name, Command = ["remind"] }] }
          })
        })
      } : name => state if var.remind != null },
    )
  }
}

# To run, follow and stop tasks.
data "aws_iam_policy_document" "run_task" {
  statement {
    sid       = "Run"
    actions   = ["ecs:RunTask"]
    resources = ["arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${local.name}:*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["arn:${local.partition}:ecs:${local.region}:${local.account}:cluster/${local.name}"]
    }
  }

  # PropagateTags.
  statement {
    sid       = "Tag"
    actions   = ["ecs:TagResource"]
    resources = ["arn:${local.partition}:ecs:${local.region}:${local.account}:task/${local.name}/*"]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RunTask"]
    }
  }

  statement {
    sid       = "FollowAndStop"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["arn:${local.partition}:ecs:${local.region}:${local.account}:task/${local.name}/*"]
  }

  # The rule by which Step Functions learns that a task has ended (Step Functions developer guide, "IAM
  # policies for calling Amazon ECS/AWS Fargate"). It is Step Functions' own, one for the account.
  statement {
    sid       = "LearnOfTheEnd"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["arn:${local.partition}:events:${local.region}:${local.account}:rule/StepFunctionsGetEventsForECSTaskRule"]
  }

  # A task runs with these, and starting one passes them to ECS.
  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = concat([local.role_arn], aws_iam_role.execution[*].arn)

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

