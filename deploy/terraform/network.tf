data "aws_subnet" "monitor" {
  id = var.subnet_id
}

# SageMaker creates two security groups for a domain; this is that of the mount targets.
data "aws_security_group" "nfs" {
  id     = var.nfs_security_group_id
  name   = var.nfs_security_group_id == null ? "security-group-for-inbound-nfs-${var.domain_id}" : null
  vpc_id = data.aws_subnet.monitor.vpc_id
}

# No inbound rules: people get a shell through Systems Manager, which the instance calls.
resource "aws_security_group" "monitor" {
  name        = "${local.name}-monitor"
  description = "efs-scan: out to the homes and to AWS, nothing in"
  vpc_id      = data.aws_subnet.monitor.vpc_id
  tags        = merge(var.tags, { Name = "${local.name}-monitor" })
}

# Outbound: the file system, and HTTPS to AWS's APIs and to Amazon Linux's packages, which have no fixed
# addresses. DNS (the VPC's resolver), time and instance metadata pass no security group.
resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.monitor.id
  description       = "AWS APIs and packages of Amazon Linux"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "nfs" {
  security_group_id            = aws_security_group.monitor.id
  description                  = "The homes"
  referenced_security_group_id = data.aws_security_group.nfs.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags
}

# One rule in SageMaker's group, which is removed with this module; the group's other rules stay as they
# are.
resource "aws_vpc_security_group_ingress_rule" "nfs" {
  security_group_id            = data.aws_security_group.nfs.id
  description                  = "efs-scan, the monitor of disk usage"
  referenced_security_group_id = aws_security_group.monitor.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags
}
