# /etc/efs-scan.toml, or EFS_SCAN_CONFIG_TOML of a container: what the module's inputs say, with the input
# `settings` merged into it.

locals {
  remind = var.remind == null ? null : { for key, value in var.remind : key => value if value != null }

  # Without what is not set.
  configured = merge(
    {
      publish = { to = local.destination, report = true }
      cloudwatch = merge(
        { namespace = local.namespace },
        length(var.user_quotas) == 0 ? {} : { users = keys(var.user_quotas) },
        length(var.group_quotas) == 0 ? {} : { groups = keys(var.group_quotas) },
      )
      notify = { topic = local.topic }
    },
    # The mount goes through the local proxy of efs-utils, so the id cannot be taken from it.
    { for key, value in local.file_systems[0] : key => value if length(local.file_systems) == 1 },
    { for key, value in { file_system = local.file_systems } : key => value if length(local.file_systems) > 1 },
    var.remind == null ? {} : { remind = local.remind },
    # A container's log gets the table, too: the largest homes will do.
    local.on_instance ? {} : { limit = 20 },
    !local.quotas && length(var.group_quotas) == 0 ? {} : {
      quota = merge(
        var.quota_default == null ? {} : { default = var.quota_default },
        length(var.user_quotas) == 0 ? {} : { users = var.user_quotas },
        length(var.group_quotas) == 0 ? {} : { groups = var.group_quotas },
      )
    },
  )

  # Names of several file systems are in their tables.
  settings = { for key in keys(var.settings) : key => var.settings[key] if key != "names" || length(local.file_systems) == 1 }

  # A table is merged with a table, and of these a table with a table ([quota.users]); anything else of
  # `settings` replaces what is there. `merge` fails for anything but two tables.
  merged = {
    for key in setunion(keys(local.configured), keys(local.settings)) : key => try(
      { for inner in setunion(keys(local.configured[key]), keys(local.settings[key])) : inner => try(
        merge(local.configured[key][inner], local.settings[key][inner]),
        local.settings[key][inner],
        local.configured[key][inner],
      ) },
      local.settings[key],
      local.configured[key],
    )
  }

  bare = "^[A-Za-z0-9_-]+$" # keys that need no quotes

  # TOML from JSON: a JSON string, number, boolean or array is TOML's, and an object becomes an inline table
  # when its colons become equals signs. To tell these from the colons in strings, the text is cut into
  # strings and what is between them.
  rendered = {
    for key, value in local.merged : key => {
      table = can(keys(value))
      lines = join("", [
        for inner, it in try({ for name in keys(value) : name => value[name] }, { (key) = value }) :
        format("%s = %s\n", can(regex(local.bare, inner)) ? inner : jsonencode(inner), join("", [
          for token in regexall("\"(?:[^\"\\\\]|\\\\.)*\"|[^\"]+", jsonencode(it)) :
          startswith(token, "\"") ? token : replace(token, ":", "=")
        ]))
      ])
    }
  }

  # Tables after all else, because a key after a table's header belongs to the table.
  configuration = join("", concat(
    ["# Written by Terraform (deploy/terraform); change it there. `man efs-scan` explains all settings.\n"],
    [for key, it in local.rendered : it.lines if !it.table],
    [for key, it in local.rendered : "\n[${key}]\n${it.lines}" if it.table],
  ))
}
