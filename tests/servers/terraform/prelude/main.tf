# What SageMaker makes with a domain, for moto, which makes none of it: a file system that is known
# by its tag, and two security groups that are known by their names. And a second domain's, which
# must not be taken for it.

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

data "aws_caller_identity" "current" {}

resource "aws_vpc" "team" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "team" {
  vpc_id     = aws_vpc.team.id
  cidr_block = "10.0.1.0/24"
}

locals {
  domains = toset(["d-abc123def456", "d-other"])
}

resource "aws_efs_file_system" "homes" {
  for_each = local.domains

  encrypted = true
  tags = {
    ManagedByAmazonSageMakerResource = "arn:aws:sagemaker:us-east-1:${data.aws_caller_identity.current.account_id}:domain/${each.key}"
  }
}

resource "aws_security_group" "inbound" {
  for_each = local.domains

  name   = "security-group-for-inbound-nfs-${each.key}"
  vpc_id = aws_vpc.team.id
}

resource "aws_security_group" "outbound" {
  for_each = local.domains

  name   = "security-group-for-outbound-nfs-${each.key}"
  vpc_id = aws_vpc.team.id
}

resource "aws_efs_mount_target" "homes" {
  for_each = local.domains

  file_system_id  = aws_efs_file_system.homes[each.key].id
  subnet_id       = aws_subnet.team.id
  security_groups = [aws_security_group.inbound[each.key].id]
}

output "subnet_id" {
  value = aws_subnet.team.id
}

output "file_system_id" {
  value = aws_efs_file_system.homes["d-abc123def456"].id
}

output "other_file_system_id" {
  value = aws_efs_file_system.homes["d-other"].id
}

output "inbound" {
  value = aws_security_group.inbound["d-abc123def456"].id
}
