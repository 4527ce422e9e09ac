terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.50"
    }
  }
}

# Terraform reads data sources only during `apply` if the caller writes `depends_on` at the module and
# something there changes. Then all that is made of them is unknown to the plan, and an unknown value of an
# argument that cannot be changed in place is planned as a replacement. So where such an argument needs a
# data source, or an input that may be unknown itself, `ignore_changes` keeps what was made, and a
# postcondition tells of a real change. Everything else is changed in place, or turns out to be the same.
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# The provider adds its default_tags to everything but volume_tags.
data "aws_default_tags" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # Version 6 of the provider calls it `region`, version 5 `name`; in both, the id is the same.
  region = data.aws_region.current.id

  # The name has the domain's id, so two domains of one account and region do not share alarms and topic.
  # An id usually has 14 characters, and may have 63.
  name = coalesce(var.name, substr("efs-scan-${var.domain_id}", 0, 34))
}
