locals {
  own_bucket  = var.bucket == null
  bucket      = local.own_bucket ? aws_s3_bucket.reports[0].bucket : var.bucket.name
  bucket_arn  = local.own_bucket ? aws_s3_bucket.reports[0].arn : "arn:${local.partition}:s3:::${var.bucket.name}"
  destination = "s3://${local.bucket}/${var.prefix}"
  # In a bucket that was handed in, nothing is outside the prefix, which other monitors may share.
  results = local.own_bucket ? "athena-results" : "${var.prefix}/athena-results/${local.name}"

  # What efs-scan writes below the prefix: tables, pages and summaries of these file systems only, and what
  # all monitors of a destination keep together. latest.json is that of an earlier layout, which
  # `efs-scan publish --migrate` moves.
  written = [for key in concat(
    flatten([for id in local.file_system_ids : ["*/fs=${id}/*", "latest/${id}.json", "du/${id}.txt", "report/${id}/*"]]),
    ["du/latest.txt", "report/index.html", "latest.json", "write-check", "state/remind/*"],
  ) : "${local.bucket_arn}/${var.prefix}/${key}"]

  # A pattern's `*` crosses slashes: without this, a key of these file systems could be below the tables of
  # another one, where Athena would read it.
  never_written = ["${local.bucket_arn}/${var.prefix}/*/fs=*/fs=*"]
}

resource "aws_s3_bucket" "reports" {
  count = local.own_bucket ? 1 : 0

  bucket        = coalesce(var.bucket_name, "${local.name}-${local.account}-${local.region}")
  force_destroy = var.delete_data
  tags          = var.tags

  lifecycle {
    # Another name would be another bucket, and the end of this one. It is unknown to some plans.
    ignore_changes = [bucket]

    postcondition {
      condition     = var.bucket_name == null || self.bucket == var.bucket_name
      error_message = "The bucket stays ${self.bucket}, with the reports in it; bucket_name names it only when it is made. Set bucket_name to that, or make a bucket and hand it in as `bucket`."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "reports" {
  count = local.own_bucket ? 1 : 0

  bucket                  = aws_s3_bucket.reports[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "reports" {
  count = local.own_bucket ? 1 : 0

  bucket = aws_s3_bucket.reports[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "reports" {
  count = local.own_bucket ? 1 : 0

  bucket = aws_s3_bucket.reports[0].id

  rule {
    bucket_key_enabled = var.kms_key != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key == null ? null : var.kms_key.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "reports" {
  count = local.own_bucket ? 1 : 0

  bucket = aws_s3_bucket.reports[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

data "aws_iam_policy_document" "bucket" {
  # What other accounts' monitors need, from their output bucket_policy.
  source_policy_documents = var.writers

  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "reports" {
  count = local.own_bucket ? 1 : 0

  bucket = aws_s3_bucket.reports[0].id
  policy = data.aws_iam_policy_document.bucket.json

  # S3 refuses two concurrent changes of a bucket's access.
  depends_on = [aws_s3_bucket_public_access_block.reports]
}

# What the bucket's policy must allow if the bucket belongs to another account: the monitor what its role
# says, and the account's people and Terraform to read the reports, to query them and to upload the package,
# as far as their own roles let them.
data "aws_iam_policy_document" "writer" {
  statement {
    sid       = "Publish${local.sid}"
    actions   = local.publish_actions
    resources = local.written

    principals {
      type        = "AWS"
      identifiers = [local.role_arn]
    }
  }

  statement {
    sid       = "NotBelowOthers${local.sid}"
    effect    = "Deny"
    actions   = local.publish_actions
    resources = local.never_written

    principals {
      type        = "AWS"
      identifiers = [local.role_arn]
    }
  }

  statement {
    sid       = "List${local.sid}"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [local.bucket_arn]

    principals {
      type        = "AWS"
      identifiers = [local.role_arn, local.account_arn]
    }
  }

  statement {
    sid       = "Read${local.sid}"
    actions   = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"]
    resources = ["${local.bucket_arn}/${var.prefix}/*"]

    principals {
      type        = "AWS"
      identifiers = [local.role_arn, local.account_arn]
    }
  }

  statement {
    sid       = "Upload${local.sid}"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject", "s3:PutObjectTagging"]
    resources = [for prefix in [local.package_prefix, local.results] : "${local.bucket_arn}/${prefix}/*"]

    principals {
      type        = "AWS"
      identifiers = [local.account_arn]
    }
  }
}

# Only the tables expire, whose objects all have a day in their keys, and parts of runs. latest/ and du/, which readers poll, and packages/ must
# stay if scans stop for long.
resource "aws_s3_bucket_lifecycle_configuration" "reports" {
  count = local.own_bucket ? 1 : 0

  bucket = aws_s3_bucket.reports[0].id

  dynamic "rule" {
    for_each = toset(["runs", "homes", "findings", "dirs"])

    content {
      id     = "old-${rule.key}"
      status = "Enabled"

      filter {
        prefix = "${var.prefix}/${rule.key}/"
      }

      expiration {
        days = var.retention_days
      }
    }
  }

  # What the shards of a run leave for its merge, which comes within a day.
  rule {
    id     = "merged-shards"
    status = "Enabled"

    filter {
      prefix = "${var.prefix}/shards/"
    }

    expiration {
      days = 7
    }
  }

  rule {
    id     = "athena-results"
    status = "Enabled"

    filter {
      prefix = "${local.results}/"
    }

    expiration {
      days = 7
    }
  }

  # latest/KEY.json is replaced every day; a month of its versions is enough to undo a mistake.
  rule {
    id     = "rests"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.reports]
}

# S3 refuses to delete a bucket with reports in it, but only after Terraform has removed its settings:
# the bucket would be left without its policy, its public access block and its versioning. This resource
# is destroyed before them, and fails. (`prevent_destroy` takes no variable, and would keep everything
# else as well.) It protects against `destroy`, `-replace` and handing in another bucket, but not if the
# module is removed from the configuration, because its provisioner is removed with it.
resource "terraform_data" "keep_reports" {
  count = local.own_bucket ? 1 : 0

  input            = { delete_data = var.delete_data }
  triggers_replace = aws_s3_bucket.reports[0].id

  # A command that both sh and cmd.exe can run.
  provisioner "local-exec" {
    when    = destroy
    command = self.output.delete_data ? "exit 0" : "echo The bucket with the reports stays as it is. To delete it, apply delete_data = true first. To keep it, see the guide under Removal. && exit 1"
  }

  depends_on = [
    aws_s3_bucket_lifecycle_configuration.reports,
    aws_s3_bucket_ownership_controls.reports,
    aws_s3_bucket_policy.reports,
    aws_s3_bucket_public_access_block.reports,
    aws_s3_bucket_server_side_encryption_configuration.reports,
    aws_s3_bucket_versioning.reports,
  ]
}
