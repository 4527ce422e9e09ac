# The domain

variable "domain_id" {
  description = "Id of the SageMaker domain whose homes are scanned: d-xxxxxxxxxxxx. The module looks up its file system and its security group for NFS; its user profiles and spaces name the homes."
  type        = string

  validation {
    condition     = can(regex("^d-[a-z0-9-]{1,61}$", var.domain_id))
    error_message = "domain_id must be the id of a SageMaker domain, like d-abc123def456: take it from `aws sagemaker list-domains`; it is not the domain's name."
  }
}

variable "file_system_id" {
  description = "Id of the file system with the homes, fs-…; null looks up the one that SageMaker created for the domain."
  type        = string
  default     = null

  validation {
    condition     = var.file_system_id == null || can(regex("^fs-([0-9a-f]{8}|[0-9a-f]{17})$", var.file_system_id))
    error_message = "file_system_id must be the id of an EFS file system, like fs-0123456789abcdef0, or null to look it up from the domain."
  }
}

variable "nfs_security_group_id" {
  description = "Security group of the file system's mount targets. It gets a rule that lets the monitor in. null looks up the one that SageMaker created, security-group-for-inbound-nfs-DOMAIN."
  type        = string
  default     = null

  validation {
    condition     = var.nfs_security_group_id == null || can(regex("^sg-[0-9a-f]{8,17}$", var.nfs_security_group_id))
    error_message = "nfs_security_group_id must be the id of a security group, like sg-0123456789abcdef0, or null to look it up from the domain."
  }
}

variable "attach_file_system_policy" {
  description = "Attach the file system policy that denies writes to the monitor (output file_system_policy). It REPLACES the existing policy, for every client, and removing this module leaves the file system without one. Run `aws efs describe-file-system-policy` first, and if there is a policy, merge the two by hand."
  type        = bool
  default     = false
}

# The instance

variable "name" {
  description = "Name of the resources, and the prefix of their names; null takes efs-scan-DOMAIN. It must be unique in the account and region: alarms, dashboard and topic of the same name would be taken over silently. Set it if two monitors watch one domain, or if the domain's id may be unknown to a plan. A later change is refused."
  type        = string
  default     = null

  # The longest name that contains it is the bucket's, which has at most 63 characters.
  validation {
    condition     = var.name == null || can(regex("^[a-z][a-z0-9-]{0,33}$", var.name))
    error_message = "name must have 1 to 34 small letters, digits and hyphens, and begin with a letter, or be null: it is part of the bucket's name."
  }
}

variable "subnet_id" {
  description = "Subnet of the instance or the container, in a VPC and an availability zone where the file system has a mount target. It needs a route to AWS's APIs: a NAT, public addresses, IPv6 (see ipv6), or endpoints for s3, ssm, ssmmessages, monitoring, sns, elasticfilesystem and sagemaker.api (deploy/docs/private-subnets.md). A later change is refused until an instance is replaced with it."
  type        = string

  validation {
    condition     = can(regex("^subnet-[0-9a-f]{8,17}$", var.subnet_id))
    error_message = "subnet_id must be the id of a subnet, like subnet-0123456789abcdef0: take one of the domain's, from `aws sagemaker describe-domain`."
  }
}

variable "architecture" {
  description = "Processor of the instance or the container: arm64 or x86_64. The package or the image must be built for it."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "instance_type" {
  description = "Type of the instance; null takes t4g.small (arm64) or t3.small (x86_64). That is enough: a scan mostly waits for the file system, and uses less than 100 MiB of memory."
  type        = string
  default     = null

  validation {
    condition     = var.instance_type == null || can(regex("^[a-z0-9-]+[.][a-z0-9-]+$", var.instance_type))
    error_message = "instance_type must be a type of instance, like t4g.small, or null for the default of the architecture."
  }
}

variable "package_file" {
  description = "Path of efs-scan's .rpm, built by deploy/package/build. The module uploads it to the bucket, and the instance installs it from there. null if it is installed in the image `ami`, and with compute = \"fargate\" or \"batch\"."
  type        = string
  default     = null

  validation {
    condition     = var.package_file == null || try(can(regex("^[A-Za-z0-9][A-Za-z0-9._+~-]*[.]rpm$", basename(var.package_file))) && fileexists(var.package_file), false)
    error_message = "package_file must be an .rpm that exists here, named in letters, digits and . _ + ~ -: make one with deploy/package/build, and give its path."
  }
}

variable "scan_time" {
  description = "Time in UTC, HH:MM, after which the daily scan starts, on an instance within an hour; null is 03:00."
  type        = string
  default     = null

  validation {
    condition     = var.scan_time == null || can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.scan_time))
    error_message = "scan_time must be a time of the day in UTC, like 02:30, or null for the time of the package."
  }
}

# The bucket

variable "bucket_name" {
  description = "Name of the bucket for the reports, which the module creates; null builds it from name, account and region. A bucket keeps its name: later changes are refused."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must have 3 to 63 small letters, digits and hyphens, and begin and end with a letter or digit, or be null."
  }
}

variable "prefix" {
  description = "Prefix of the reports in the bucket. Monitors that share one are one picture in `efs-scan status`; each may write what is of its file systems, and read all."
  type        = string
  default     = "efs"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*$", var.prefix)) && !can(regex("^(packages|athena-results)(/|$)", var.prefix))
    error_message = "prefix must be made of letters, digits, _ and -, with / between and none at its ends; packages and athena-results are taken."
  }
}

variable "other_file_systems" {
  description = "Keys of the file systems that other monitors publish to the same bucket and prefix, as in latest/KEY.json: queries ask for all of them. This module's own is always among them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for key in var.other_file_systems : can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", key))])
    error_message = "other_file_systems must be keys of file systems: EFS ids, or names of letters, digits, `.`, `_` and `-`."
  }
}

variable "retention_days" {
  description = "Days to keep the reports of past runs. The newest summary of each file system (latest/, du/) always stays."
  type        = number
  default     = 400

  validation {
    condition     = var.retention_days >= 31 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of at least 31: queries ask for growth over 30 days."
  }
}

variable "delete_data" {
  description = "Let `terraform destroy` delete the module's bucket with all reports. If false, `destroy` stops before the bucket and leaves it as it is, with all its settings. A change takes effect after an `apply`."
  type        = bool
  default     = false
}

# People: notices, reminders and quotas

variable "read_metrics" {
  description = "Let the monitor read CloudWatch's metrics, for the report's estimate of what each throughput mode would cost. The permission, cloudwatch:GetMetricData, cannot be limited to EFS: it reads all metrics of the account."
  type        = bool
  default     = false
  nullable    = false
}

variable "emails" {
  description = "Addresses for alarms and notices. Each first gets a message with a link to confirm, and nothing else until then. They may be unknown until `apply`; see emails_by_stack."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", email))])
    error_message = "emails must be addresses, like team@example.com."
  }
}

variable "emails_by_stack" {
  description = "Subscribe the addresses of `emails` by a CloudFormation stack, whose template need not be known to the plan. false makes a resource for each, where CloudFormation is not allowed; then a plan fails that does not know them."
  type        = bool
  default     = true
}

variable "subscriptions" {
  description = "More subscriptions of the topic, of any protocol, by names of your choice: { pager = { protocol = \"https\", endpoint = \"https://…\" } }. The attributes are those of aws_sns_topic_subscription. Values may be unknown until `apply`, names may not."
  type = map(object({
    protocol                        = string
    endpoint                        = string
    endpoint_auto_confirms          = optional(bool)
    raw_message_delivery            = optional(bool)
    filter_policy                   = optional(string)
    filter_policy_scope             = optional(string)
    redrive_policy                  = optional(string)
    delivery_policy                 = optional(string)
    subscription_role_arn           = optional(string)
    confirmation_timeout_in_minutes = optional(number)
  }))
  default  = {}
  nullable = false
}

variable "home_at" {
  description = "Path at which users see their home, like /home/sagemaker-user/user-default-efs. Commands in reminders and on users' pages use it; null uses the path on the instance."
  type        = string
  default     = null

  validation {
    condition     = var.home_at == null || can(regex("^/[^[:cntrl:]]*$", var.home_at))
    error_message = "home_at must be an absolute path."
  }
}

variable "remind" {
  description = "Settings for `efs-scan remind`, which writes to users through SES after each complete scan: { from = \"efs@example.com\", admin = \"team@example.com\", address = \"{name}@example.com\" }. `from` and `admin` must be of identities verified in SES in this region; deploy/efs-scan.toml explains dash_to_dot and trash. null reminds nobody. The endpoints that subnet_id names do not reach SES: that takes a NAT, a public address or one more endpoint."
  type = object({
    from        = string
    admin       = string
    address     = string
    dash_to_dot = optional(bool, false)
    trash       = optional(string)
  })
  default = null

  # efs-scan checks the rest before the first scan.
  validation {
    condition     = var.remind == null || can(regex("^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$", var.remind.from))
    error_message = "remind.from must be an address and nothing else, like efs@example.com."
  }

  validation {
    condition     = var.remind == null || can(regex("^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$", var.remind.admin)) && can(regex("^[A-Za-z0-9._+-]*[{]name[}][A-Za-z0-9._+-]*@[A-Za-z0-9.-]+$", var.remind.address))
    error_message = "remind.admin must be an address, and remind.address a template like {name}@example.com."
  }

  validation {
    condition     = var.remind == null || try(var.remind.trash, null) == null || can(regex("^[0-9]+([.][0-9]+)?(M|G|T)i?B$", var.remind.trash))
    error_message = "remind.trash must be a size with its unit, like 10GiB, or be left out."
  }
}

variable "budget_gib" {
  description = "Metered size of the file system in GiB above which an alarm is raised; null for no such alarm."
  type        = number
  default     = null

  validation {
    condition     = var.budget_gib == null || try(var.budget_gib > 0, false)
    error_message = "budget_gib must be more than 0, or null for no alarm."
  }
}

variable "quota_default" {
  description = "Quota of every home that user_quotas does not name, in allocated bytes, like 50GiB; null for none. Quotas only warn: EFS does not enforce them."
  type        = string
  default     = null

  validation {
    condition     = var.quota_default == null || can(regex("^[0-9.]*[1-9][0-9.]*(M|G|T)i?B$", var.quota_default)) && can(regex("^[0-9]+([.][0-9]+)?[A-Z]", var.quota_default))
    error_message = "quota_default must be a size with its unit, like 50GiB, 1.5TiB or 500MB, or null for none."
  }
}

variable "user_quotas" {
  description = "Quotas of single users, by their names in the reports (user profiles and spaces): { alice = \"200GiB\" }. Each of them gets four metrics and an alarm, for at most 1.30 USD a month."
  type        = map(string)
  default     = {}

  # CloudWatch gets names in printable ASCII. Reports escape other characters with a backslash, so a
  # name with one would never match.
  validation {
    condition = alltrue([
      for user in keys(var.user_quotas) :
      can(regex("^[ -~]{1,200}$", user)) && !can(regex("^[: ]|\\\\| $", user))
    ])
    error_message = "user_quotas must name users in up to 200 printable ASCII characters, without a backslash, without a colon or space first and without a space last."
  }

  validation {
    condition     = alltrue([for size in values(var.user_quotas) : can(regex("^[0-9.]*[1-9][0-9.]*(M|G|T)i?B$", size)) && can(regex("^[0-9]+([.][0-9]+)?[A-Z]", size))])
    error_message = "user_quotas must give sizes with their unit, like 50GiB, 1.5TiB or 500MB."
  }

  # User data is limited to 16 KiB, and has each name twice, compressed.
  validation {
    condition     = length(jsonencode(var.user_quotas)) <= 4000
    error_message = "user_quotas has more than 4,000 characters, which is some 150 users: give most users their quota by quota_default."
  }
}

variable "group_quotas" {
  description = "Quotas of groups that pay, by their names in the reports, for all homes of their people together: { physics = \"20TiB\" }. Each of them gets three metrics and an alarm on the file system of domain_id, for at most 1 USD a month. Groups come from `group_tag` or a column `group` of names, in the input `settings`."
  type        = map(string)
  default     = {}

  # CloudWatch gets names in printable ASCII, as those of users.
  validation {
    condition = alltrue([
      for group in keys(var.group_quotas) :
      can(regex("^[ -~]{1,200}$", group)) && !can(regex("^[: ]|\\\\| $", group))
    ])
    error_message = "group_quotas must name groups in up to 200 printable ASCII characters, without a backslash, without a colon or space first and without a space last."
  }

  validation {
    condition     = alltrue([for size in values(var.group_quotas) : can(regex("^[0-9.]*[1-9][0-9.]*(M|G|T)i?B$", size)) && can(regex("^[0-9]+([.][0-9]+)?[A-Z]", size))])
    error_message = "group_quotas must give sizes with their unit, like 50GiB, 1.5TiB or 500MB."
  }

  # User data is limited to 16 KiB, and has each name twice, compressed.
  validation {
    condition     = length(jsonencode(var.group_quotas)) <= 4000
    error_message = "group_quotas has more than 4,000 characters: give quotas to the groups that need an alarm."
  }
}

variable "tags" {
  description = "Tags of all resources, the instance's volume among them, which gets the provider's default_tags, too."
  type        = map(string)
  default     = {}
}

# Anything else of the configuration

variable "settings" {
  description = "Any other settings of efs-scan, in the form of deploy/efs-scan.toml: { max_ops = 5000, notify = { always = true }, rules = { off = [\"pip-cache\"] } }. They are merged into what the module writes, and go before it. The role's permissions follow the other inputs, except that publish.acl adds s3:PutObjectAcl: for publish.kms_key_id give the key as kms_key, too."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.settings)) && !can(var.settings.root) && !can(var.settings.require_mount) && !can(var.settings.file_system_id) && !can(var.settings.publish.to) && !can(var.settings.notify.topic)
    error_message = "settings must be an object without root, require_mount, file_system_id, publish.to and notify.topic, which the module sets: there are inputs for them."
  }

  validation {
    condition     = length([for token in regexall("\"(?:[^\"\\\\]|\\\\.)*\"|[^\"]+", jsonencode(var.settings)) : token if !startswith(token, "\"") && can(regex("null", token))]) == 0
    error_message = "settings has a null, which TOML does not: leave the setting out."
  }
}
