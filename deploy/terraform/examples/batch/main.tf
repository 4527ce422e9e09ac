# The monitor of one large SageMaker domain: AWS Batch reads it with sixteen containers once a day.
#
#     terraform init
#     terraform apply
#
# Push the image first (deploy/docs/shards.md). Keep the state in your team's backend, and confirm the
# e-mail that SNS sends.

provider "aws" {
  region = "us-east-1"
}

module "efs_scan" {
  source = "../../"

  compute = "batch"
  shards  = 16
  fargate = {
    image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/efs-scan:0.1.0"
  }

  domain_id    = "d-iiiiiiiiiiii"
  subnet_id    = "subnet-0123456789abcdef0"
  architecture = "arm64"

  emails        = ["ml-platform@example.com"]
  budget_gib    = 20480
  quota_default = "200GiB"
  tags          = { team = "ml-platform" }
}

output "monitor" {
  description = "All outputs of the module: `terraform output -json monitor | jq -r .state_machine_arn`."
  value       = module.efs_scan
  # Not a secret, but too long for every `apply` to print.
  sensitive = true
}

output "destination" {
  description = "Destination of the runs, for `efs-scan status --from`."
  value       = module.efs_scan.destination
}
