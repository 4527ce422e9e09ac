# Three accounts with a domain each publish to one destination, in the bucket of the first. The bucket's
# policy lets each monitor write what is of its own file system, and read all: `efs-scan status` shows them
# together. Where an account must not see the others' figures, give each module a `prefix` of its own.
#
#     terraform init
#     terraform apply
#
# Here the three are one configuration. Where each account has its own, the others' output `bucket_policy`
# goes to the owner, who lists the texts in `writers`; the bucket's name is all that the others need.

provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "research"
  region = "us-east-1"

  assume_role {
    role_arn = "arn:aws:iam::222222222222:role/deploy"
  }
}

provider "aws" {
  alias  = "trading"
  region = "us-east-1"

  assume_role {
    role_arn = "arn:aws:iam::333333333333:role/deploy"
  }
}

locals {
  package = "${path.module}/efs-scan-0.1.0-1.aarch64.rpm"
}

module "platform" {
  source = "../../"

  domain_id    = "d-cccccccccccc"
  subnet_id    = "subnet-0123456789abcdef0"
  package_file = local.package
  tags         = { team = "platform" }
  emails       = ["ml-platform@example.com"]
  writers      = [module.research.bucket_policy, module.trading.bucket_policy]

  # Athena asks for these, too.
  other_file_systems = [module.research.file_system_id, module.trading.file_system_id]
}

module "research" {
  source    = "../../"
  providers = { aws = aws.research }

  domain_id    = "d-dddddddddddd"
  subnet_id    = "subnet-0123456789abcdef0"
  package_file = local.package
  tags         = { team = "research" }
  emails       = ["research@example.com"]
  bucket       = { name = module.platform.bucket }
}

module "trading" {
  source    = "../../"
  providers = { aws = aws.trading }

  domain_id    = "d-eeeeeeeeeeee"
  subnet_id    = "subnet-0123456789abcdef0"
  package_file = local.package
  tags         = { team = "trading" }
  emails       = ["trading@example.com"]
  bucket       = { name = module.platform.bucket }
}

output "destination" {
  description = "Destination of all runs, for `efs-scan status --from`."
  value       = module.platform.destination
}
