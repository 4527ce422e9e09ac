# Three domains of one VPC: one monitor mounts their file systems and scans each for itself.
#
#     terraform init
#     terraform apply
#
# Keep the state in your team's backend, and confirm the e-mail that SNS sends.

provider "aws" {
  region = "us-east-1"
}

module "efs_scan" {
  source = "../../"

  domain_id    = "d-ffffffffffff"
  subnet_id    = "subnet-0123456789abcdef0"
  package_file = "${path.module}/efs-scan-0.1.0-1.aarch64.rpm"

  # It is mounted at /mnt/efs, and the others at /mnt/stage and /mnt/dev.
  more_domains = {
    stage = { domain_id = "d-gggggggggggg", budget_gib = 2048 }
    dev   = { domain_id = "d-hhhhhhhhhhhh", quota_default = "50GiB" }
  }

  emails        = ["ml-platform@example.com"]
  budget_gib    = 20480
  quota_default = "200GiB"
  tags          = { team = "ml-platform" }

  settings = {
    # Two of them at a time, and a name on both is one person.
    parallel    = 2
    same_people = true
  }
}

output "destination" {
  description = "Destination of the runs, for `efs-scan status --from`."
  value       = module.efs_scan.destination
}

output "configuration" {
  description = "/etc/efs-scan.toml of the monitor."
  value       = module.efs_scan.configuration
}
