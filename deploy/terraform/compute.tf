# What scans: an instance (instance.tf), or once a day (schedule.tf) a container (container.tf) that ECS runs
# (task.tf), or several that AWS Batch runs, each for a share of the file system (batch.tf).

variable "compute" {
  description = "What scans: instance, an EC2 instance that mounts the file systems; fargate, a container that ECS runs once a day without an instance (deploy/docs/fargate.md); or batch, several such containers that AWS Batch runs, for one file system that one client reads too slowly (deploy/docs/shards.md). Bucket, topic, alarms, tables and dashboard are the same, and stay when this is changed; an instance is then deleted with its state directory."
  type        = string
  default     = "instance"

  validation {
    condition     = contains(["instance", "fargate", "batch"], var.compute)
    error_message = "compute must be instance, fargate or batch."
  }
}

variable "fargate" {
  description = "The container, for compute = \"fargate\" or \"batch\": { image = \"ACCOUNT.dkr.ecr.REGION.amazonaws.com/efs-scan:0.1.0\" }, an image of deploy/container for `architecture`. engine is posix, over a volume that ECS or AWS Batch mounts, or nfs, the direct engine, which needs no volume and no root. cpu is in 1/1024 of a processor and memory in MiB, in a combination that Fargate has. assign_public_ip is for a subnet that reaches AWS by public addresses. Messages are kept for log_retention_days, unless log_group is a group of yours."
  type = object({
    image              = string
    engine             = optional(string, "posix")
    cpu                = optional(number, 1024)
    memory             = optional(number, 2048)
    assign_public_ip   = optional(bool, false)
    log_retention_days = optional(number, 90)
  })
  default = null

  validation {
    condition     = var.fargate == null || can(regex("^[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.fargate.image))
    error_message = "fargate.image must be a registry, a repository and a tag or digest, like 111122223333.dkr.ecr.eu-west-1.amazonaws.com/efs-scan:0.1.0."
  }

  validation {
    condition     = var.fargate == null || contains(["posix", "nfs"], try(var.fargate.engine, ""))
    error_message = "fargate.engine must be posix or nfs."
  }

  # CloudWatch Logs API reference, PutRetentionPolicy.
  validation {
    condition     = var.fargate == null || contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], try(var.fargate.log_retention_days, 0))
    error_message = "fargate.log_retention_days must be a number of days that CloudWatch Logs has, like 30, 90 or 365."
  }
}

variable "shards" {
  description = "Number of containers that read the file system at the same time, for compute = \"batch\". Each has the cpu and memory of `fargate`, and one more merges what they read."
  type        = number
  default     = 4
  nullable    = false

  # The sizes of AWS Batch's arrays, which are also those of a run.
  validation {
    condition     = var.shards >= 2 && var.shards <= 10000 && floor(var.shards) == var.shards
    error_message = "shards must be a whole number from 2 to 10000: one container is compute = \"fargate\"."
  }
}

locals {
  on_instance = var.compute == "instance"
  on_fargate  = var.compute == "fargate"
  on_batch    = var.compute == "batch"
  # The direct engine: no mount.
  direct = !local.on_instance && try(var.fargate.engine, "posix") == "nfs"
}
