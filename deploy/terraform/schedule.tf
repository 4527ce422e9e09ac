# The daily start of the container. EventBridge Scheduler starts a state machine, because ECS alone neither
# ends a task that hangs nor repeats one that failed.

locals {
  hour_and_minute = split(":", coalesce(var.scan_time, "03:00"))

  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.name}"

  # What repeating may help (deploy/docs/formats.md, "Exit codes"): 1, nothing was scanned, because AWS or the
  # file system was out of reach, and 5, a run that was not sent and went with the container. A scan that could
  # not read everything (3) is published.
  repeated = [1, 5]

  state_machine = {
    Comment        = "One scan. It is repeated if it was not published, up to three times."
    StartAt        = "Begin"
    TimeoutSeconds = 82800 # 23 hours
    States = {
      Begin = { Type = "Pass", Result = { tries = 0 }, Next = "Scan" }
      Scan = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::ecs:runTask.sync"
        Parameters = {
          Cluster        = one(aws_ecs_cluster.scan[*].arn)
          TaskDefinition = one(aws_ecs_task_definition.scan[*].arn)
          LaunchType     = "FARGATE"
          PropagateTags  = "TASK_DEFINITION"
          NetworkConfiguration = {
            AwsvpcConfiguration = {
              Subnets        = [var.subnet_id]
              SecurityGroups = local.own_network ? aws_security_group.monitor[*].id : var.security_group_ids
              AssignPublicIp = try(var.fargate.assign_public_ip, false) ? "ENABLED" : "DISABLED"
            }
          }
        }
        # Longer than any scan took, as for the service of an instance: a server that never answers does not
        # block the next day's run. Step Functions stops the task then.
        TimeoutSeconds = 72000
        ResultPath     = null
        # The task did not start: no capacity, or too many calls.
        Retry = [{
          ErrorEquals     = ["AmazonECS.Unknown", "ECS.AmazonECSException", "ECS.ServerException"]
          IntervalSeconds = 60
          BackoffRate     = 2
          MaxAttempts     = 6
        }]
        Catch = [{ ErrorEquals = ["States.TaskFailed"], ResultPath = "$.failed", Next = "Read" }]
        Next  = "Scanned"
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
      Wait    = { Type = "Wait", Seconds = 900, Next = "Scan" }
      Failed  = { Type = "Fail", Error = "ScanFailed", Cause = "The log group ${local.log_group} has the messages." }
      Scanned = { Type = "Succeed" }
    }
  }
}

resource "aws_sfn_state_machine" "scan" {
  count = local.on_instance ? 0 : 1

  name       = local.name
  role_arn   = aws_iam_role.schedule[0].arn
  definition = jsonencode(local.state_machine)
  tags       = var.tags

  lifecycle {
    ignore_changes = [name]
  }

  # Without these the first scan would fail.
  depends_on = [
    aws_cloudwatch_log_group.scan,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.monitor,
    aws_iam_role_policy.schedule,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_egress_rule.https_ipv6,
    aws_vpc_security_group_egress_rule.nfs,
    aws_vpc_security_group_ingress_rule.nfs,
    aws_vpc_security_group_egress_rule.more,
    aws_vpc_security_group_ingress_rule.more,
  ]
}

resource "aws_scheduler_schedule" "scan" {
  count = local.on_instance ? 0 : 1

  name                         = local.name
  description                  = "The daily scan of ${var.domain_id}"
  schedule_expression          = "cron(${tonumber(local.hour_and_minute[1])} ${tonumber(local.hour_and_minute[0])} * * ? *)"
  schedule_expression_timezone = "UTC"

  # At the same minute each day, so two scans are a day apart.
  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.scan[0].arn
    role_arn = aws_iam_role.schedule[0].arn
    input    = "{}"

    # If Step Functions cannot be reached. The alarm `no-scan` follows after 30 hours.
    retry_policy {
      maximum_event_age_in_seconds = 14400
      maximum_retry_attempts       = 20
    }
  }

  lifecycle {
    ignore_changes = [name]
  }
}

# Of the schedule and the state machine: to start the scan, and to see it end.
data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "Begin"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arn]
  }

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

data "aws_iam_policy_document" "assume_schedule" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com", "states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "schedule" {
  count = local.on_instance ? 0 : 1

  name                 = "${local.name}-schedule-${local.region}"
  description          = "The daily start of efs-scan for ${var.domain_id}"
  assume_role_policy   = data.aws_iam_policy_document.assume_schedule.json
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_iam_role_policy" "schedule" {
  count = local.on_instance ? 0 : 1

  name   = "efs-scan"
  role   = aws_iam_role.schedule[0].name
  policy = data.aws_iam_policy_document.schedule.json
}
