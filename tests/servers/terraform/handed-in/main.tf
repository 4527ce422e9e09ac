# A monitor of which nothing is made that exists already, in a subnet that reaches AWS by IPv6.

provider "aws" {
  region                      = "us-east-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

variable "prelude" {
  type = map(string)
}

resource "aws_s3_bucket" "team" {
  bucket        = "team-reports-handed-in"
  force_destroy = true
}

resource "aws_sns_topic" "team" {
  name = "team"
}

resource "aws_kms_key" "team" {
  description = "team"
}

resource "aws_cloudwatch_log_group" "team" {
  name = "/team/efs-scan"
}

resource "aws_security_group" "team" {
  name   = "team"
  vpc_id = var.prelude.vpc_id
}

resource "aws_iam_role" "team" {
  name = "team-monitor"
  path = "/team/"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_instance_profile" "team" {
  name = "team-monitor"
  role = aws_iam_role.team.name
}

data "aws_ami" "team" {
  most_recent = true
  owners      = ["amazon"]
}

module "efs_scan" {
  source = "../terraform"

  domain_id          = var.prelude.domain_id
  subnet_id          = var.prelude.subnet_id
  bucket             = { name = aws_s3_bucket.team.bucket }
  prefix             = "studio/homes"
  topic              = { arn = aws_sns_topic.team.arn, kms_key_arn = aws_kms_key.team.arn }
  role               = { arn = aws_iam_role.team.arn, instance_profile = aws_iam_instance_profile.team.name }
  kms_key            = { arn = aws_kms_key.team.arn }
  log_group          = { name = aws_cloudwatch_log_group.team.name }
  security_group_ids = [aws_security_group.team.id]
  ami                = { id = data.aws_ami.team.id }
  emails             = ["team@example.com"]
  emails_by_stack    = false
  ipv6               = true
  tags               = { team = "ml" }

  settings = {
    cloudwatch = { namespace = "Team/Homes" }
  }
}

output "monitor" {
  value     = module.efs_scan
  sensitive = true
}

output "team" {
  value = {
    ami    = data.aws_ami.team.id
    group  = aws_security_group.team.id
    key    = aws_kms_key.team.arn
    policy = module.efs_scan.role_policy
    role   = aws_iam_role.team.arn
    topic  = aws_sns_topic.team.arn
  }
}
