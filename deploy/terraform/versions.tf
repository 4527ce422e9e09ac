terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # Version 6 of the provider calls it `region`, version 5 `name`; in both, the id is the same.
  region = data.aws_region.current.id

  # The name has the domain's id, so two domains of one account and region do not share alarms and topic.
  # An id usually has 14 characters, and may have 63.
  name = coalesce(var.name, substr("efs-scan-${var.domain_id}", 0, 34))
}
