# What an organisation has already, instead of what the module would make. Most are objects, so that a plan
# knows that they are given even where it does not know their ids yet: { arn = aws_sns_topic.team.arn }.

variable "bucket" {
  description = "Bucket for the reports that exists already: { name = \"team-reports\" }. The module changes nothing of it, and writes below `prefix` only. If it belongs to another account, its policy needs what the output bucket_policy says. Its lifecycle is its owner's: reports of past runs are below PREFIX/runs, homes, findings and dirs."
  type        = object({ name = string })
  default     = null
}

variable "writers" {
  description = "Policies of other accounts' monitors that publish into this module's bucket, from their output bucket_policy. They are merged into the bucket's policy."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "topic" {
  description = "SNS topic for alarms and notices that exists already: { arn = \"arn:aws:sns:…\" }. Its policy must allow what the output topic_policy says; SNS's default policy does for a topic of this account. If it is encrypted, kms_key_arn is its key, whose policy must allow cloudwatch.amazonaws.com kms:Decrypt and kms:GenerateDataKey*."
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null
}

variable "role" {
  description = "Role of the monitor that exists already, and for an instance the name of its instance profile: { arn = \"arn:aws:iam::…:role/…\", instance_profile = \"…\" }. With compute = \"fargate\" or \"batch\", ecs-tasks.amazonaws.com must be allowed to assume it. It needs the output role_policy, which the module attaches only with attach_policy = true."
  type = object({
    arn              = string
    instance_profile = optional(string)
    attach_policy    = optional(bool, false)
  })
  default = null
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of the roles that the module makes, or null."
  type        = string
  default     = null
}

variable "kms_key" {
  description = "KMS key for the volume, the reports and Athena's results: { arn = \"arn:aws:kms:…\" }. The volume keeps the key with which it was made; a bucket that is handed in keeps its own default, and needs the key here if that is a key of yours. With topic = true also for the module's topic: then the key's policy must allow cloudwatch.amazonaws.com kms:Decrypt and kms:GenerateDataKey*, or no alarm arrives."
  type = object({
    arn   = string
    topic = optional(bool, false)
  })
  default = null
}

variable "log_group" {
  description = "Log group of CloudWatch Logs that gets the journal of the scans: { name = \"/team/efs-scan\" }. An instance installs CloudWatch's agent for it, and needs a route to the endpoint logs. null leaves the journal on the instance, and makes a group for a container."
  type        = object({ name = string })
  default     = null

  validation {
    condition     = var.log_group == null || can(regex("^[A-Za-z0-9_./#-]{1,512}$", var.log_group.name))
    error_message = "log_group.name must be the name of a log group, not its ARN."
  }
}

variable "security_group_ids" {
  description = "Security groups of the monitor that exist already. Then the module makes none and changes none: they must let it out to port 443, and to the mount targets on port 2049, whose group must let it in."
  type        = list(string)
  default     = null
}

variable "ipv6" {
  description = "The subnet has IPv6 addresses and reaches AWS by IPv6 (an egress-only internet gateway): allow that, and use AWS's dual-stack endpoints."
  type        = bool
  default     = false
}

variable "ami" {
  description = "Image of the instance: { id = \"ami-…\" }; null takes Amazon Linux 2023. It must have systemd, dnf, rpm and the AWS CLI; amazon-efs-utils is installed where it is missing, and efs-scan unless package_file is null. A later change takes effect when the instance is replaced."
  type        = object({ id = string })
  default     = null
}

variable "foreign_file_system" {
  description = "File system of another account: { id = \"fs-…\", account_id = \"111122223333\", mount_target_ip = \"10.0.0.5\" }; see deploy/docs/another-account.md. It is not looked up. Names of its homes come from settings.names, because the domain is not visible here."
  type = object({
    id              = string
    account_id      = string
    mount_target_ip = optional(string)
  })
  default = null

  validation {
    condition     = var.foreign_file_system == null || can(regex("^fs-([0-9a-f]{8}|[0-9a-f]{17})$", var.foreign_file_system.id)) && can(regex("^[0-9]{12}$", var.foreign_file_system.account_id)) && can(regex("^[0-9a-f.:]+$", coalesce(try(var.foreign_file_system.mount_target_ip, null), "::")))
    error_message = "foreign_file_system must have the id of a file system, the id of an account (12 digits) and, if any, the address of a mount target."
  }
}

locals {
  # For unique ids of statements where policies of several monitors are merged.
  sid = replace("${local.account}${local.name}", "-", "")

  account_arn = "arn:${local.partition}:iam::${local.account}:root"

  # null or a list, as the plan knows.
  key_arns = var.kms_key == null && try(var.topic.kms_key_arn, null) == null ? null : compact([
    try(var.kms_key.arn, null), try(var.topic.kms_key_arn, null),
  ])
}
