# The domains whose file systems the monitor scans, each for itself, and publishes to one destination. For a
# domain of another VPC or account, add a module.

variable "more_domains" {
  description = "Further domains whose file systems have mount targets in the VPC of subnet_id, by names of your choice: { stage = { domain_id = \"d-…\" } }. file_system_id and nfs_security_group_id are looked up as for domain_id. budget_gib, quota_default and `name`, which people see, are those of this file system. Each is mounted at /mnt/NAME; one that is removed here stays mounted on an instance until it is restarted without its line in /etc/fstab."
  type = map(object({
    domain_id             = string
    file_system_id        = optional(string)
    nfs_security_group_id = optional(string)
    budget_gib            = optional(number)
    quota_default         = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.more_domains) : can(regex("^[a-z][a-z0-9]{0,30}$", name)) && name != "efs"])
    error_message = "more_domains must have names of up to 31 small letters and digits that begin with a letter, and are not efs: they are directories below /mnt."
  }

  validation {
    condition     = alltrue([for it in values(var.more_domains) : can(regex("^d-[a-z0-9-]{1,61}$", it.domain_id))])
    error_message = "more_domains must have ids of SageMaker domains, like d-abc123def456."
  }

  validation {
    condition     = alltrue([for it in values(var.more_domains) : it.file_system_id == null || can(regex("^fs-([0-9a-f]{8}|[0-9a-f]{17})$", it.file_system_id))])
    error_message = "file_system_id in more_domains must be the id of an EFS file system, like fs-0123456789abcdef0, or be left out."
  }

  validation {
    condition     = alltrue([for it in values(var.more_domains) : it.budget_gib == null || try(it.budget_gib > 0, false)])
    error_message = "budget_gib in more_domains must be more than 0, or be left out for no alarm."
  }

  # efs-scan checks the size itself before the first scan.
  validation {
    condition     = alltrue([for it in values(var.more_domains) : it.quota_default == null || can(regex("^[0-9]+([.][0-9]+)?(M|G|T)i?B$", it.quota_default))])
    error_message = "quota_default in more_domains must be a size with its unit, like 50GiB, or be left out."
  }
}

locals {
  # By name, which is the directory below /mnt. That of domain_id is efs.
  domains = merge(
    {
      efs = {
        domain_id             = var.domain_id
        file_system_id        = var.file_system_id
        nfs_security_group_id = var.nfs_security_group_id
        budget_gib            = var.budget_gib
        quota_default         = var.quota_default
      }
    },
    var.more_domains,
  )
  domain_ids = concat([var.domain_id], [for it in values(var.more_domains) : it.domain_id])

  # Part of names and descriptions; the first one has none.
  prefixes = { for name in keys(local.domains) : name => name == "efs" ? "" : "${name}-" }
  of_names = { for name in keys(local.domains) : name => name == "efs" ? "" : " of ${name}" }

  # How efs-scan reads each: a mount, or the mount target by its name. DNS answers with the one in the
  # subnet's own zone; asked for its mount targets, EFS does not say which that is to a container.
  access = { for name in keys(local.domains) : name => merge(
    { for key, value in { root = "/mnt/${name}", require_mount = true } : key => value if !local.direct },
    { for key, value in {
      root    = name == "efs" && local.address != null ? "nfs://${local.address}/" : "${local.homes[name].id}.efs.${local.region}.${data.aws_partition.current.dns_suffix}"
      tls     = true
      iam     = true
      nfs_uid = 0
    } : key => value if local.direct },
  ) }
  address = try(var.foreign_file_system.mount_target_ip, null)

  # The tables [[file_system]] of the configuration. Sources of names that are no domain are for all of them.
  other_names = [for name in try(var.settings.names, []) : name if !startswith(name, "sagemaker:")]
  # home_at is the same in the spaces of every domain; the program takes it for each file system by itself.
  seen_at = var.home_at == null ? {} : { home_at = var.home_at }
  file_systems = concat(
    [merge(
      {
        file_system_id = local.file_system_id
        names          = try(var.settings.names, ["sagemaker:${var.domain_id}"])
      },
      local.access.efs,
      local.seen_at,
    )],
    [for name, it in var.more_domains : merge(
      {
        name           = name
        file_system_id = local.homes[name].id
        names          = concat(["sagemaker:${it.domain_id}"], local.other_names)
      },
      local.access[name],
      it.quota_default == null ? {} : { quota = { default = it.quota_default } },
      local.seen_at,
    )],
  )
}

resource "aws_vpc_security_group_egress_rule" "more" {
  for_each = local.more_nfs_groups

  security_group_id            = aws_security_group.monitor[0].id
  description                  = "The homes of ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "more" {
  for_each = local.more_nfs_groups

  security_group_id            = each.value
  description                  = "efs-scan, the monitor of disk usage"
  referenced_security_group_id = aws_security_group.monitor[0].id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags

  lifecycle {
    # Unknown to some plans. A rule cannot move to another group.
    ignore_changes = [security_group_id]
  }
}
