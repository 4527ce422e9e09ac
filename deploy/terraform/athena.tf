# The reports as tables. deploy/athena.sql describes the data. A test compares the columns with what
# efs-scan writes.

locals {
  # Columns by their types, in the order of the files.
  tables = {
    homes = {
      folder = "homes/parquet"
      columns = [
        ["home", "string"],
        ["home_bytes", "binary"],
        ["kind", "string"],
        ["uid", "bigint"],
        ["owner", "string"],
        ["owner_status", "string"],
        ["owner_group", "string"],
        ["directory_owner", "bigint"],
        ["directory_owner_name", "string"],
        ["coverage", "string"],
        ["errors", "bigint"],
        ["newest_mtime", "timestamp"],
        ["files", "bigint"],
        ["dirs", "bigint"],
        ["symlinks", "bigint"],
        ["other", "bigint"],
        ["apparent_bytes", "bigint"],
        ["allocated_bytes", "bigint"],
        ["metered_bytes", "bigint"],
        ["foreign_allocated_bytes", "bigint"],
        ["shared_allocated_bytes", "bigint"],
        ["charged_elsewhere_allocated_bytes", "bigint"],
        ["trash_allocated_bytes", "bigint"],
        ["cache_allocated_bytes", "bigint"],
        ["environment_allocated_bytes", "bigint"],
        ["output_allocated_bytes", "bigint"],
        ["log_allocated_bytes", "bigint"],
        ["rest_allocated_bytes", "bigint"],
        ["days_7_allocated_bytes", "bigint"],
        ["days_30_allocated_bytes", "bigint"],
        ["days_90_allocated_bytes", "bigint"],
        ["year_1_allocated_bytes", "bigint"],
        ["older_allocated_bytes", "bigint"],
        ["future_allocated_bytes", "bigint"],
        ["quota_bytes", "bigint"],
        ["quota_used_percent", "double"],
        ["over_quota", "boolean"],
        ["cost_month_usd", "double"],
        ["reclaimable_metered_bytes", "bigint"],
        ["reclaimable_month_usd", "double"],
        ["run_id", "string"],
        ["run_started", "timestamp"],
        ["file_system", "string"],
      ]
    }
    findings = {
      folder = "findings/parquet"
      columns = [
        ["home", "string"],
        ["home_bytes", "binary"],
        ["kind", "string"],
        ["uid", "bigint"],
        ["owner", "string"],
        ["owner_status", "string"],
        ["owner_group", "string"],
        ["directory_owner", "bigint"],
        ["rule", "string"],
        ["class", "string"],
        ["hint", "boolean"],
        ["path", "string"],
        ["path_bytes", "binary"],
        ["inodes", "bigint"],
        ["allocated_bytes", "bigint"],
        ["metered_bytes", "bigint"],
        ["frees_allocated_bytes", "bigint"],
        ["frees_metered_bytes", "bigint"],
        ["cost_month_usd", "double"],
        ["command", "string"],
        ["advice", "string"],
        ["run_id", "string"],
        ["run_started", "timestamp"],
        ["file_system", "string"],
      ]
    }
    dirs = {
      folder = "dirs"
      columns = [
        ["kind", "string"],
        ["home", "string"],
        ["home_bytes", "binary"],
        ["path", "string"],
        ["path_bytes", "binary"],
        ["class", "string"],
        ["rule", "string"],
        ["is_file", "boolean"],
        ["is_finding", "boolean"],
        ["newest_mtime", "timestamp"],
        ["depth", "bigint"],
        ["uid", "bigint"],
        ["files", "bigint"],
        ["dirs", "bigint"],
        ["apparent_bytes", "bigint"],
        ["allocated_bytes", "bigint"],
        ["metered_bytes", "bigint"],
        ["own_files", "bigint"],
        ["own_apparent_bytes", "bigint"],
        ["own_allocated_bytes", "bigint"],
        ["own_metered_bytes", "bigint"],
        ["rest_files", "bigint"],
        ["rest_dirs", "bigint"],
        ["rest_apparent_bytes", "bigint"],
        ["rest_allocated_bytes", "bigint"],
        ["rest_metered_bytes", "bigint"],
        ["linked_inodes", "bigint"],
        ["linked_metered_bytes", "bigint"],
        ["days_7_metered_bytes", "bigint"],
        ["days_30_metered_bytes", "bigint"],
        ["days_90_metered_bytes", "bigint"],
        ["year_1_metered_bytes", "bigint"],
        ["older_metered_bytes", "bigint"],
        ["future_metered_bytes", "bigint"],
        ["own_dirs", "bigint"],
      ]
    }
  }
}

resource "aws_glue_catalog_database" "reports" {
  name        = replace(local.name, "-", "_")
  description = "Reports of efs-scan on ${local.file_system_id}"
  tags        = var.tags

  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_glue_catalog_table" "reports" {
  for_each = local.tables

  database_name = aws_glue_catalog_database.reports.name
  name          = each.key
  table_type    = "EXTERNAL_TABLE"

  # Partitions are projected from the file systems, and the days for which reports are kept, so no
  # crawler is needed.
  parameters = {
    "EXTERNAL"                    = "TRUE"
    "classification"              = "parquet"
    "projection.enabled"          = "true"
    "projection.fs.type"          = "enum"
    "projection.fs.values"        = join(",", distinct(concat(local.file_system_ids, var.other_file_systems)))
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = "NOW-${var.retention_days}DAYS,NOW"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    "storage.location.template"   = "s3://${local.bucket}/${var.prefix}/${each.value.folder}/fs=$${fs}/dt=$${dt}/"
  }

  partition_keys {
    name = "fs"
    type = "string"
  }

  partition_keys {
    name = "dt"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${local.bucket}/${var.prefix}/${each.value.folder}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value[0]
        type = columns.value[1]
      }
    }
  }
}

resource "aws_athena_workgroup" "reports" {
  name        = local.name
  description = "Queries of efs-scan's reports"
  # Deleting the group deletes its saved queries and history; the reports are elsewhere.
  force_destroy = true
  tags          = var.tags

  configuration {
    enforce_workgroup_configuration = true
    # 10 GiB, about 0.05 USD: far more than years of reports, and a limit to a mistake.
    bytes_scanned_cutoff_per_query = 10737418240

    result_configuration {
      output_location = "s3://${local.bucket}/${local.results}/"

      encryption_configuration {
        encryption_option = var.kms_key == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key == null ? null : var.kms_key.arn
      }
    }
  }

  lifecycle {
    ignore_changes = [name]
  }
}

locals {
  queries = {
    caches-by-rule = "Caches and trash of everybody by rule, largest first"
    cold           = "Directories without a change for a year, largest first, with a price"
    growth-30-days = "Growth of each home over 30 days, largest first"
    grown-7-days   = "Directories that grew most in 7 days"
    most-files     = "Directories with the most files"
    orphans        = "Orphan homes, largest first"
    shared         = "Directories in homes that belong to somebody else"
    showback       = "What each group held in each month, and its part of the bill"
    top-findings   = "Findings that free most"
  }
}

resource "aws_athena_named_query" "reports" {
  for_each = local.queries

  name        = each.key
  description = each.value
  workgroup   = aws_athena_workgroup.reports.id
  database    = aws_glue_catalog_database.reports.name
  query       = file("${path.module}/queries/${each.key}.sql")

  depends_on = [aws_glue_catalog_table.reports]
}
