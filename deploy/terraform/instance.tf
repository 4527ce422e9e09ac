data "aws_ssm_parameter" "image" {
  count = local.on_instance && var.ami == null ? 1 : 0

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"

  # Checked here, because this is read before anything is created.
  lifecycle {
    precondition {
      condition     = var.package_file != null
      error_message = "package_file is needed: without it efs-scan must be installed in an image of yours (ami)."
    }

    precondition {
      condition     = var.package_file == null || endswith(coalesce(local.package, "none"), "${local.rpm_architecture}.rpm")
      error_message = "package_file ${coalesce(local.package, "none")} is not for ${var.architecture}: give the one that ends in ${local.rpm_architecture}.rpm, or set architecture."
    }
  }
}

locals {
  package = try(basename(var.package_file), null)
  # Outside the reports in a bucket of this module, and inside the prefix in one that was handed in.
  package_prefix = local.own_bucket ? "packages" : "${var.prefix}/packages/${local.name}"
  package_key    = "${local.package_prefix}/${coalesce(local.package, "none")}"
  # rpm's names of the architectures.
  rpm_architecture = { arm64 = "aarch64", x86_64 = "x86_64" }[var.architecture]
  instance_type    = coalesce(var.instance_type, { arm64 = "t4g.small", x86_64 = "t3.small" }[var.architecture])

  setup = templatefile("${path.module}/user-data.sh.tftpl", {
    region          = local.region
    topic           = local.topic
    bucket          = local.bucket
    package         = local.package
    package_key     = local.package_key
    package_sha256  = var.package_file == null ? null : filesha256(var.package_file)
    file_system_id  = local.file_system_id
    more            = { for name in keys(var.more_domains) : name => local.homes[name].id }
    mount_target_ip = try(var.foreign_file_system.mount_target_ip, null)
    scan_time       = var.scan_time
    remind          = var.remind != null
    ipv6            = var.ipv6
    log_group       = try(var.log_group.name, null)
    # Compressed and in ASCII, because user data has 16 KiB at most, and cloud-init's MIME reader breaks other
    # characters. The output `configuration` shows it.
    configuration = base64gzip(local.configuration)
  })

  # The script runs at every start instead of the first one only (AWS re:Post, "How do I use user data to
  # automatically run a script with every restart of my EC2 instance?").
  user_data = <<-MIME
    Content-Type: multipart/mixed; boundary="==efs-scan=="
    MIME-Version: 1.0

    --==efs-scan==
    Content-Type: text/cloud-config; charset="us-ascii"

    #cloud-config
    cloud_final_modules:
      - [scripts-user, always]

    --==efs-scan==
    Content-Type: text/x-shellscript; charset="us-ascii"
    Content-Disposition: attachment; filename="efs-scan-setup"

    ${local.setup}
    --==efs-scan==--
  MIME
}

resource "aws_s3_object" "package" {
  count = local.on_instance && var.package_file != null ? 1 : 0

  bucket      = local.bucket
  key         = local.package_key
  source      = var.package_file
  source_hash = filesha256(var.package_file)

  # So the first version of the object is versioned and encrypted as well.
  depends_on = [aws_s3_bucket_versioning.reports, aws_s3_bucket_server_side_encryption_configuration.reports]
}

# An image is for one architecture, and a change of the image is ignored below.
resource "terraform_data" "architecture" {
  input = var.architecture
}

resource "aws_instance" "monitor" {
  count = local.on_instance ? 1 : 0

  ami                    = var.ami == null ? nonsensitive(data.aws_ssm_parameter.image[0].value) : var.ami.id
  instance_type          = local.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = local.own_network ? [aws_security_group.monitor[0].id] : var.security_group_ids
  iam_instance_profile   = local.own_role ? aws_iam_instance_profile.monitor[0].name : var.role.instance_profile
  tags                   = merge(var.tags, { Name = "${local.name}-monitor" })
  volume_tags            = merge(data.aws_default_tags.current.tags, var.tags, { Name = "${local.name}-monitor" })

  # A new package, quota or setting stops the instance, changes this, and starts it: the script sets up what
  # is written here, and a scan follows. The state directory stays: runs that wait to be sent, and the records
  # of homes over quota and of reminders.
  user_data                   = local.user_data
  user_data_replace_on_change = false

  # IMDSv2 only. One hop, so nothing behind another router, such as a container, gets the role.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    http_protocol_ipv6          = var.ipv6 ? "enabled" : "disabled"
  }

  root_block_device {
    volume_type = "gp3"
    encrypted   = true
    kms_key_id  = var.kms_key == null ? null : var.kms_key.arn
    volume_size = 8 # GiB, the size of Amazon's image; a larger image makes it larger
  }

  lifecycle {
    # Amazon publishes an image every other week, and an `apply` for a quota should not replace the
    # system. `terraform apply -replace=…aws_instance.monitor` takes the newest image. The subnet and the key
    # cannot be changed in place, and may be unknown to a plan.
    ignore_changes       = [ami, subnet_id, root_block_device[0].kms_key_id]
    replace_triggered_by = [terraform_data.architecture]

    precondition {
      condition     = length(local.user_data) <= 16384
      error_message = "The user data is ${length(local.user_data)} bytes long, and EC2 takes 16,384: shorten settings, user_quotas or group_quotas."
    }

    precondition {
      condition     = local.own_role || try(var.role.instance_profile, null) != null
      error_message = "role needs instance_profile: an instance gets a role by its profile."
    }

    postcondition {
      condition     = self.subnet_id == var.subnet_id
      error_message = "The monitor is in ${self.subnet_id}. To move it to subnet_id: terraform apply -replace=ADDRESS for its instance, which loses the state directory (the guide, under Upgrade)."
    }
  }

  # Without these the first mount, download or scan would fail.
  depends_on = [
    aws_iam_role_policy.monitor,
    aws_s3_object.package,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_egress_rule.https_ipv6,
    aws_vpc_security_group_egress_rule.nfs,
    aws_vpc_security_group_ingress_rule.nfs,
    aws_vpc_security_group_egress_rule.more,
    aws_vpc_security_group_ingress_rule.more,
  ]
}

# It was a single resource before there was a choice of `compute`.
moved {
  from = aws_instance.monitor
  to   = aws_instance.monitor[0]
}
