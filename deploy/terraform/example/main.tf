# The monitor of one SageMaker domain. Change the values of the module, then run:
#
#     terraform init
#     terraform apply
#
# Keep the state in your team's backend, and confirm the e-mail that SNS sends.

provider "aws" {
  region = "us-east-1"
}

module "efs_scan" {
  source = "../"

  domain_id    = "d-abc123def456"
  subnet_id    = "subnet-0123456789abcdef0"
  architecture = "arm64"
  package_file = "${path.module}/efs-scan-0.1.0-1.aarch64.rpm"

  emails        = ["ml-platform@example.com"]
  budget_gib    = 20480
  quota_default = "200GiB"
  user_quotas = {
    alice = "1TiB"
  }

  tags = {
    team = "ml-platform"
  }
}

output "monitor" {
  description = "All outputs of the module: `terraform output -json monitor | jq -r .instance_id`."
  value       = module.efs_scan
  # Not a secret, but too long for every `apply` to print.
  sensitive = true
}

output "destination" {
  description = "Destination of the runs, for `efs-scan status --from`."
  value       = module.efs_scan.destination
}

output "dashboard_url" {
  description = "The dashboard."
  value       = module.efs_scan.dashboard_url
}
