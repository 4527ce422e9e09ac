# What SageMaker makes with a domain, for moto, which makes none of it: a file system that is known
# by its tag, and two security groups that are known by their names. And a second domain's, which
# must not be taken for it.

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true

  dynamic "assume_role" {
    for_each = var.role_arn == null ? [] : [var.role_arn]

    content {
      role_arn = assume_role.value
    }
  }
}

# Of the account whose domains they are; moto has every role.
variable "role_arn" {
  type    = string
  default = null
}

variable "domains" {
  type    = set(string)
  default = ["d-abc123def456", "d-other"]
}

data "aws_caller_identity" "current" {}

resource "aws_vpc" "team" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "team" {
  vpc_id     = aws_vpc.team.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_efs_file_system" "homes" {
  for_each = var.domains

  encrypted = true
  tags = {
    ManagedByAmazonSageMakerResource = "arn:aws:sagemaker:us-east-1:${data.aws_caller_identity.current.account_id}:domain/${each.key}"
  }
}

resource "aws_security_group" "inbound" {
  for_each = var.domains

  name   = "security-group-for-inbound-nfs-${each.key}"
  vpc_id = aws_vpc.team.id
}

resource "aws_security_group" "outbound" {
  for_each = var.domains

  name   = "security-group-for-outbound-nfs-${each.key}"
  vpc_id = aws_vpc.team.id
}

resource "aws_efs_mount_target" "homes" {
  for_each = var.domains

  file_system_id  = aws_efs_file_system.homes[each.key].id
  subnet_id       = aws_subnet.team.id
  security_groups = [aws_security_group.inbound[each.key].id]
}

output "subnet_id" {
  value = aws_subnet.team.id
}

output "file_system_id" {
  value = aws_efs_file_system.homes[sort(var.domains)[0]].id
}

output "inbound" {
  value = aws_security_group.inbound[sort(var.domains)[0]].id
}

output "vpc_id" {
  value = aws_vpc.team.id
}
