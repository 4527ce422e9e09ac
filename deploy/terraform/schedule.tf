# The daily start of a container. EventBridge Scheduler starts a state machine, because neither ends a task of
# ECS that hangs, repeats one that failed, or starts the merge when all shards of AWS Batch have ended.

locals {
  hour_and_minute = split(":", coalesce(var.scan_time, "03:00"))

  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.name}"

  monitor_groups = local.own_network ? aws_security_group.monitor[*].id : var.security_group_ids
  public_ip      = try(var.fargate.assign_public_ip, false) ? "ENABLED" : "DISABLED"

  # What follows a complete scan in both state machines. Who was reminded is at the destination.
  after_scan = var.remind == null ? "Scanned" : "Remind"
  remind_state = {
    Type           = "Task"
    TimeoutSeconds = 7200
    ResultPath     = null
    # It writes to nobody twice (deploy/docs/reminders.md).
    Retry = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 900, MaxAttempts = 1 }]
    Catch = [{ ErrorEquals = ["States.ALL"], Next = "NotReminded" }]
    Next  = "Scanned"
  }
  last_states = merge(
    {
      Failed  = { Type = "Fail", Error = "ScanFailed", Cause = "The log group ${local.log_group} has the messages." }
      Scanned = { Type = "Succeed" }
    },
    { for name, state in {
      NotReminded = {
        Type  = "Fail"
        Error = "RemindersFailed"
        Cause = "The scan is published, and the log group ${local.log_group} says why somebody was not reminded."
      }
    } : name => state if var.remind != null },
  )
}

resource "aws_sfn_state_machine" "scan" {
  count = local.on_instance ? 0 : 1

  name       = local.name
  role_arn   = aws_iam_role.schedule[0].arn
  definition = local.on_batch ? jsonencode(local.batch_machine) : jsonencode(local.task_machine)
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
  source_policy_documents = [
    local.on_batch ? data.aws_iam_policy_document.submit_job.json : data.aws_iam_policy_document.run_task.json
  ]

  statement {
    sid       = "Begin"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arn]
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
