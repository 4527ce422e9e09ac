locals {
  bucket_name = coalesce(var.bucket_name, "${local.name}-${local.account}-${local.region}")
  results     = "athena-results"
}

resource "aws_s3_bucket" "reports" {
  bucket        = local.bucket_name
  force_destroy = var.delete_data
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "reports" {
  bucket                  = aws_s3_bucket.reports.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "reports" {
  bucket = aws_s3_bucket.reports.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "reports" {
  bucket = aws_s3_bucket.reports.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "reports" {
  bucket = aws_s3_bucket.reports.id

  versioning_configuration {
    status = "Enabled"
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.reports.arn, "${aws_s3_bucket.reports.arn}/*"]

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
  bucket = aws_s3_bucket.reports.id
  policy = data.aws_iam_policy_document.bucket.json

  # S3 refuses two concurrent changes of a bucket's access.
  depends_on = [aws_s3_bucket_public_access_block.reports]
}

# Only prefixes with a day in their names expire. latest.json and du/latest.txt, which readers poll, and
# packages/ must stay if scans stop for long.
resource "aws_s3_bucket_lifecycle_configuration" "reports" {
  bucket = aws_s3_bucket.reports.id

  dynamic "rule" {
    for_each = toset(["runs", "homes", "findings"])

    content {
      id     = "old-${rule.key}"
      status = "Enabled"

      filter {
        prefix = "${var.prefix}/${rule.key}/dt="
      }

      expiration {
        days = var.retention_days
      }
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

  # latest.json is replaced every day; a month of its versions is enough to undo a mistake.
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
# else as well.) It protects against `destroy` and against another bucket_name, but not if the module is
# removed from the configuration, because its provisioner is removed with it.
resource "terraform_data" "keep_reports" {
  input            = { delete_data = var.delete_data }
  triggers_replace = aws_s3_bucket.reports.id

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
