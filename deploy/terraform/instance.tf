data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"

  # Checked here, because this is read before anything is created.
  lifecycle {
    precondition {
      condition     = endswith(local.package, "${local.rpm_architecture}.rpm")
      error_message = "package_file ${local.package} is not for ${var.architecture}: give the one that ends in ${local.rpm_architecture}.rpm, or set architecture."
    }
  }
}

locals {
  package     = basename(var.package_file)
  package_key = "packages/${local.package}"
  # rpm's names of the architectures.
  rpm_architecture = { arm64 = "aarch64", x86_64 = "x86_64" }[var.architecture]
  instance_type    = coalesce(var.instance_type, { arm64 = "t4g.small", x86_64 = "t3.small" }[var.architecture])

  # A JSON string is a valid TOML string.
  configuration = templatefile("${path.module}/efs-scan.toml.tftpl", {
    domain_id      = var.domain_id
    file_system_id = local.file_system_id
    destination    = "s3://${local.bucket_name}/${var.prefix}"
    namespace      = local.namespace
    topic          = aws_sns_topic.alarms.arn
    quota_default  = var.quota_default
    user_quotas    = var.user_quotas
    home_at        = var.home_at
    remind         = var.remind
  })

  user_data = templatefile("${path.module}/user-data.sh.tftpl", {
    region         = local.region
    topic          = aws_sns_topic.alarms.arn
    bucket         = local.bucket_name
    package        = local.package
    package_key    = local.package_key
    package_sha256 = filesha256(var.package_file)
    file_system_id = local.file_system_id
    scan_time      = var.scan_time
    remind         = var.remind != null
    configuration  = local.configuration
  })
}

resource "aws_s3_object" "package" {
  bucket      = aws_s3_bucket.reports.id
  key         = local.package_key
  source      = var.package_file
  source_hash = filesha256(var.package_file)

  # So the first version of the object is versioned and encrypted as well.
  depends_on = [aws_s3_bucket_versioning.reports, aws_s3_bucket_server_side_encryption_configuration.reports]
}

resource "aws_instance" "monitor" {
  ami                    = nonsensitive(data.aws_ssm_parameter.image.value)
  instance_type          = local.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [aws_security_group.monitor.id]
  iam_instance_profile   = aws_iam_instance_profile.monitor.name
  user_data              = local.user_data
  tags                   = merge(var.tags, { Name = "${local.name}-monitor" })
  volume_tags            = merge(var.tags, { Name = "${local.name}-monitor" })

  # A new package, quota or setting replaces the instance: there is one way to set it up, and it runs
  # what is written here. The new instance scans when it is up. Published runs stay, and names are asked
  # for again. The state directory is lost: runs that wait because they could not be sent (`efs-scan
  # publish` before `terraform apply` sends them); the record of homes over quota, so the next notice
  # calls all of them new; and the record of reminders, so people may be reminded again within a week.
  user_data_replace_on_change = true

  # IMDSv2 only. One hop, so nothing behind another router, such as a container, gets the role.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    encrypted   = true
    volume_size = 8 # GiB, the size of the image
  }

  lifecycle {
    # Amazon publishes an image every other week, and an `apply` for a quota should not replace the
    # system. `terraform apply -replace=…aws_instance.monitor` takes the newest image.
    ignore_changes = [ami]
  }

  # Without these the first mount, download or scan would fail.
  depends_on = [
    aws_iam_role_policy.monitor,
    aws_s3_object.package,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_egress_rule.nfs,
    aws_vpc_security_group_ingress_rule.nfs,
  ]
}
