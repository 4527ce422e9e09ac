# The security groups that are made here; with security_group_ids, none is made or changed.

locals {
  own_network = var.security_group_ids == null
  nfs_group   = local.own_network ? data.aws_security_group.nfs["efs"].id : null
  # The rules for these are in domains.tf: Terraform cannot move resources into one that is there already, and
  # EC2 refuses a second rule like one that is still there.
  more_nfs_groups = { for name, it in data.aws_security_group.nfs : name => it.id if name != "efs" }
}

data "aws_subnet" "monitor" {
  count = local.own_network ? 1 : 0

  id = var.subnet_id
}

# SageMaker creates two security groups for a domain; this is that of the mount targets.
data "aws_security_group" "nfs" {
  for_each = { for name, it in local.domains : name => it if local.own_network }

  id     = each.value.nfs_security_group_id
  name   = each.value.nfs_security_group_id == null ? "security-group-for-inbound-nfs-${each.value.domain_id}" : null
  vpc_id = data.aws_subnet.monitor[0].vpc_id
}

# No inbound rules: people get a shell on an instance through Systems Manager, which it calls.
resource "aws_security_group" "monitor" {
  count = local.own_network ? 1 : 0

  name        = "${local.name}-monitor"
  description = "efs-scan: out to the homes and to AWS, nothing in"
  vpc_id      = data.aws_subnet.monitor[0].vpc_id
  tags        = merge(var.tags, { Name = "${local.name}-monitor" })

  lifecycle {
    # EC2 deletes no group that an instance is in. Another VPC takes another subnet, and so -replace.
    ignore_changes = [name, vpc_id]

    postcondition {
      condition     = self.vpc_id == data.aws_subnet.monitor[0].vpc_id
      error_message = "The monitor is in another VPC than subnet_id. To move it: terraform apply -replace=ADDRESS for its instance, its security group and the rules of that, as the guide shows under Upgrade."
    }
  }
}

# Outbound: the file system, and HTTPS to AWS's APIs and to Amazon Linux's packages, which have no fixed
# addresses. DNS (the VPC's resolver), time and instance metadata pass no security group.
resource "aws_vpc_security_group_egress_rule" "https" {
  count = local.own_network ? 1 : 0

  security_group_id = aws_security_group.monitor[0].id
  description       = "AWS APIs and packages of Amazon Linux"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "https_ipv6" {
  count = local.own_network && var.ipv6 ? 1 : 0

  security_group_id = aws_security_group.monitor[0].id
  description       = "AWS APIs and packages of Amazon Linux"
  cidr_ipv6         = "::/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "nfs" {
  count = local.own_network ? 1 : 0

  security_group_id            = aws_security_group.monitor[0].id
  description                  = "The homes"
  referenced_security_group_id = local.nfs_group
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags
}

# One rule in SageMaker's group, which is removed with this module; the group's other rules stay as they
# are.
resource "aws_vpc_security_group_ingress_rule" "nfs" {
  count = local.own_network ? 1 : 0

  security_group_id            = local.nfs_group
  description                  = "efs-scan, the monitor of disk usage"
  referenced_security_group_id = aws_security_group.monitor[0].id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags

  lifecycle {
    # Unknown to some plans. A rule cannot move to another group.
    ignore_changes = [security_group_id]

    postcondition {
      condition     = self.security_group_id == local.nfs_group
      error_message = "The mount targets have another security group now. To let the monitor in there: terraform apply -replace=ADDRESS for this rule."
    }
  }
}
