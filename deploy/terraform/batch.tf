# The jobs of AWS Batch, with compute = "batch": an array whose jobs read a share of the file system each
# (deploy/docs/shards.md), and one that merges what they have read.
#
# The merge is the next state of the machine, and no job that depends on the array: Batch lets a dependent job
# fail with the array, and the merge of what is there publishes a partial run that names what is missing.
# EventBridge Scheduler alone could submit neither the one with the id of the other nor anything after it.

locals {
  efs_volumes = local.direct ? [] : [for name, it in local.homes : {
    name = name
    efsVolumeConfiguration = {
      fileSystemId      = it.id
      rootDirectory     = "/"
      transitEncryption = "ENABLED"
      # The job's role proves itself to the file system.
      authorizationConfig = { iam = "ENABLED" }
    }
  }]

  # What is the same in both. The root file system can be written, because Batch gives jobs on Fargate no volume
  # but those of EFS, and it drops no capabilities (Batch API reference, Volume and LinuxParameters).
  job = {
    image                        = local.image
    jobRoleArn                   = local.role_arn
    executionRoleArn             = one(aws_iam_role.execution[*].arn)
    environment                  = local.environment
    logConfiguration             = local.log_configuration
    networkConfiguration         = { assignPublicIp = local.public_ip }
    fargatePlatformConfiguration = { platformVersion = "LATEST" }
    runtimePlatform = {
      operatingSystemFamily = "LINUX"
      cpuArchitecture       = upper(var.architecture)
    }
    resourceRequirements = [
      { type = "VCPU", value = tostring(try(var.fargate.cpu, 1024) / 1024) },
      { type = "MEMORY", value = tostring(try(var.fargate.memory, 2048)) },
    ]
  }

  jobs = {
    shard = merge(local.job, {
      command     = ["--shard", "auto"]
      user        = local.container_user
      mountPoints = local.mounts
      volumes     = local.efs_volumes
    })
    # It reads the bucket only.
    merge = merge(local.job, {
      command     = ["merge"]
      user        = "65532:65532"
      mountPoints = []
      volumes     = []
    })
  }

  # Exit codes after which a repetition would end the same way (deploy/docs/formats.md, "Exit codes"): 2, wrong
  # settings, and for a merge 3, a partial run, which is published. Everything else is repeated, a job that was
  # killed as well: a shard that is there is not read again, and a run is not published twice.
  final_codes = { shard = ["2"], merge = ["2", "3"] }
  # The state machine may do all of it twice, with a quarter of an hour between, before its own time is over:
  # 2 * (9 h + 2 h) + 30 min.
  longest_array  = 32400
  longest_merge  = 7200
  job_timeouts   = { shard = local.longest_array, merge = local.longest_merge }
  kinds_of_job   = toset([for kind in keys(local.final_codes) : kind if local.on_batch])
  job_queue_arn  = "arn:${local.partition}:batch:${local.region}:${local.account}:job-queue/${local.name}"
  definition_arn = "arn:${local.partition}:batch:${local.region}:${local.account}:job-definition/${local.name}"
}

# It has no name, so that a change which needs another one can make that first.
resource "aws_batch_compute_environment" "scan" {
  count = local.on_batch ? 1 : 0

  type = "MANAGED"
  tags = merge(var.tags, { Name = local.name })

  compute_resources {
    type               = "FARGATE"
    max_vcpus          = ceil(var.shards * try(var.fargate.cpu, 1024) / 1024)
    subnets            = [var.subnet_id]
    security_group_ids = local.monitor_groups
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_batch_job_queue" "scan" {
  count = local.on_batch ? 1 : 0

  name     = local.name
  state    = "ENABLED"
  priority = 1
  tags     = var.tags

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.scan[0].arn
  }

  lifecycle {
    ignore_changes = [name]
  }
}

# Every change makes a new revision. A scan that runs goes on with its own, so older ones stay registered.
resource "aws_batch_job_definition" "scan" {
  for_each = local.kinds_of_job

  name                       = "${local.name}-${each.key}"
  type                       = "container"
  platform_capabilities      = ["FARGATE"]
  container_properties       = jsonencode(local.jobs[each.key])
  deregister_on_new_revision = false
  propagate_tags             = true
  tags                       = var.tags

  retry_strategy {
    attempts = 3

    dynamic "evaluate_on_exit" {
      for_each = local.final_codes[each.key]

      content {
        on_exit_code = evaluate_on_exit.value
        action       = "exit"
      }
    }
  }

  # Batch stops an attempt then, and does not repeat it.
  timeout {
    attempt_duration_seconds = local.job_timeouts[each.key]
  }

  lifecycle {
    ignore_changes = [name]

    precondition {
      condition     = var.fargate != null
      error_message = "compute = \"batch\" needs `fargate`, with the image."
    }

    precondition {
      condition     = local.direct || var.foreign_file_system == null
      error_message = "AWS Batch mounts no file system of another account: set engine = \"nfs\" in `fargate`."
    }

    precondition {
      condition     = length(var.more_domains) == 0
      error_message = "compute = \"batch\" scans one file system, which is worth several containers: call the module once more for each of more_domains."
    }

    precondition {
      condition     = !try(var.settings.cross_mounts, false) && try(var.settings.format, "") != "ncdu" && !try(var.settings.publish.unconditional, false)
      error_message = "settings has cross_mounts, format = \"ncdu\" or publish.unconditional, with which a scan cannot be split (deploy/docs/shards.md): leave it out, or set compute = \"fargate\"."
    }
  }
}

locals {
  # The name of the execution is that of the run. So it is the same for shards that are submitted once more, of
  # which those that are there end at once.
  submit = {
    JobName  = local.name
    JobQueue = one(aws_batch_job_queue.scan[*].arn)
  }
  of_this_run = { Environment = [{ Name = "EFS_SCAN_RUN_ID", "Value.$" = "$$.Execution.Name" }] }
  again       = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 900, MaxAttempts = 1 }]

  batch_machine = {
    Comment        = "One scan in ${var.shards} shards, and its merge. Both are repeated once after a quarter of an hour."
    StartAt        = "Scan"
    TimeoutSeconds = 82800 # 23 hours
    States = merge(
      {
        Scan = {
          Type     = "Task"
          Resource = "arn:${local.partition}:states:::batch:submitJob.sync"
          Parameters = merge(local.submit, {
            JobDefinition      = try(aws_batch_job_definition.scan["shard"].arn, null)
            ArrayProperties    = { Size = var.shards }
            ContainerOverrides = local.of_this_run
          })
          # A job that waits for capacity has no limit of its own. Step Functions ends the array then.
          TimeoutSeconds = local.longest_array
          ResultPath     = null
          Retry          = local.again
          # The merge says which shards are missing.
          Catch = [{ ErrorEquals = ["States.ALL"], ResultPath = null, Next = "Merge" }]
          Next  = "Merge"
        }
        Merge = {
          Type     = "Task"
          Resource = "arn:${local.partition}:states:::batch:submitJob.sync"
          Parameters = merge(local.submit, {
            JobDefinition      = try(aws_batch_job_definition.scan["merge"].arn, null)
            ContainerOverrides = local.of_this_run
          })
          TimeoutSeconds = local.longest_merge
          ResultPath     = null
          Retry          = local.again
          Catch          = [{ ErrorEquals = ["States.ALL"], Next = "Failed" }]
          Next           = local.after_scan
        }
      },
      local.last_states,
      { for name, state in {
        Remind = merge(local.remind_state, {
          Resource = "arn:${local.partition}:states:::batch:submitJob.sync"
          Parameters = merge(local.submit, {
            JobDefinition      = try(aws_batch_job_definition.scan["merge"].arn, null)
            ContainerOverrides = { Command = ["remind"] }
          })
        })
      } : name => state if var.remind != null },
    )
  }
}

# To submit, follow and stop jobs. What they run as is in their definitions.
data "aws_iam_policy_document" "submit_job" {
  statement {
    sid       = "Submit"
    actions   = ["batch:SubmitJob"]
    resources = concat([local.job_queue_arn], [for kind in keys(local.final_codes) : "${local.definition_arn}-${kind}:*"])
  }

  # DescribeJobs supports no resources (Service Authorization Reference, AWS Batch).
  statement {
    sid       = "Follow"
    actions   = ["batch:DescribeJobs"]
    resources = ["*"]
  }

  # The ids of jobs are not known before.
  statement {
    sid       = "Stop"
    actions   = ["batch:TerminateJob"]
    resources = ["arn:${local.partition}:batch:${local.region}:${local.account}:job/*"]
  }

  # The rule by which Step Functions learns that a job has ended (Step Functions developer guide, "IAM policies
  # for calling AWS Batch"). It is Step Functions' own, one for the account.
  statement {
    sid       = "LearnOfTheEnd"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["arn:${local.partition}:events:${local.region}:${local.account}:rule/StepFunctionsGetEventsForBatchJobsRule"]
  }
}
