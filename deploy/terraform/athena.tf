# The reports as tables. deploy/athena.sql describes the data, and explains why columns are strings and
# the escape character is U+0001. A test compares the columns with what efs-scan writes.

locals {
  tables = {
    homes = [
      "home", "kind", "uid", "owner", "owner_status", "coverage", "errors", "newest_mtime", "files",
      "dirs", "symlinks", "other", "apparent_bytes", "allocated_bytes", "metered_bytes",
      "foreign_allocated_bytes", "shared_allocated_bytes", "charged_elsewhere_allocated_bytes",
      "quota_bytes", "quota_used_percent", "over_quota", "run_id", "run_started",
      "trash_allocated_bytes", "cache_allocated_bytes", "environment_allocated_bytes",
      "output_allocated_bytes", "log_allocated_bytes", "rest_allocated_bytes",
      "days_7_allocated_bytes", "days_30_allocated_bytes", "days_90_allocated_bytes",
      "year_1_allocated_bytes", "older_allocated_bytes",
      "cost_month_usd", "reclaimable_metered_bytes", "reclaimable_month_usd",
      "home_base64", "directory_owner", "directory_owner_name", "owner_group", "file_system",
      "future_allocated_bytes",
    ]
    findings = [
      "home", "uid", "owner", "owner_status", "rule", "class", "hint", "path", "inodes",
      "allocated_bytes", "metered_bytes", "frees_allocated_bytes", "frees_metered_bytes", "command",
      "run_id", "run_started", "cost_month_usd", "advice", "directory_owner", "owner_group", "file_system",
    ]
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
    "skip.header.line.count"      = "1"
    "projection.enabled"          = "true"
    "projection.fs.type"          = "enum"
    "projection.fs.values"        = join(",", distinct(concat(local.file_system_ids, var.other_file_systems)))
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = "NOW-${var.retention_days}DAYS,NOW"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    "storage.location.template"   = "s3://${local.bucket}/${var.prefix}/${each.key}/fs=$${fs}/dt=$${dt}/"
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
    location      = "s3://${local.bucket}/${var.prefix}/${each.key}/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
      parameters = {
        separatorChar = ","
        quoteChar     = "\""
        escapeChar    = "\u0001"
      }
    }

    dynamic "columns" {
      for_each = each.value

      content {
        name = columns.value
        type = "string"
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
    growth-30-days = "Growth of each home over 30 days, largest first"
    orphans        = "Orphan homes, largest first"
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
