# Two domains of one account: a module for each, with one topic that the team has already.
#
#     terraform init
#     terraform apply
#
# Everything of a module is named after its domain, so nothing is shared but the topic.

provider "aws" {
  region = "us-east-1"

  # They reach everything that is made, the instances' volumes as well.
  default_tags {
    tags = { team = "ml-platform" }
  }
}

locals {
  domains = {
    research = { id = "d-aaaaaaaaaaaa", subnet_id = "subnet-0123456789abcdef0", budget_gib = 20480 }
    trading  = { id = "d-bbbbbbbbbbbb", subnet_id = "subnet-0123456789abcdef0", budget_gib = 4096 }
  }
}

module "efs_scan" {
  source   = "../../"
  for_each = local.domains

  domain_id     = each.value.id
  subnet_id     = each.value.subnet_id
  budget_gib    = each.value.budget_gib
  architecture  = "arm64"
  package_file  = "${path.module}/efs-scan-0.1.0-1.aarch64.rpm"
  quota_default = "200GiB"

  # An object, so a plan knows that there is one even before it is made.
  topic = { arn = aws_sns_topic.storage.arn }

  # Anything of deploy/efs-scan.toml that has no input of its own.
  settings = {
    max_ops = 5000
    rules   = { off = ["pip-cache"] }
  }
}

resource "aws_sns_topic" "storage" {
  name = "ml-storage"
}

# SNS's default policy would do within one account. One of your own must allow what the modules say.
data "aws_iam_policy_document" "storage" {
  source_policy_documents = [for it in module.efs_scan : it.topic_policy]
}

resource "aws_sns_topic_policy" "storage" {
  arn    = aws_sns_topic.storage.arn
  policy = data.aws_iam_policy_document.storage.json
}

resource "aws_sns_topic_subscription" "team" {
  topic_arn = aws_sns_topic.storage.arn
  protocol  = "email"
  endpoint  = "ml-platform@example.com"
}

output "destinations" {
  description = "Destinations of the runs, for `efs-scan status --from`."
  value       = { for name, it in module.efs_scan : name => it.destination }
}
