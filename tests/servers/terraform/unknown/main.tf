# Inputs that no plan knows, once because they are attributes of what is made or changed with them, and
# once because the module has `depends_on`.

provider "aws" {
  region                      = "us-east-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true

  default_tags {
    tags = { cost-centre = "7" }
  }
}

variable "prelude" {
  type = map(string)
}

# Whatever changes elsewhere.
variable "elsewhere" {
  type = string
}

variable "quota" {
  type = string
}

variable "bucket_name" {
  type    = string
  default = null
}

resource "terraform_data" "inputs" {
  input = merge(var.prelude, { elsewhere = var.elsewhere })
}

resource "terraform_data" "emails" {
  input = tolist(["a@example.com", "b@example.com", substr(var.elsewhere, 0, 0)])
}

module "efs_scan" {
  source = "../terraform"

  domain_id             = terraform_data.inputs.output.domain_id
  subnet_id             = terraform_data.inputs.output.subnet_id
  file_system_id        = terraform_data.inputs.output.file_system_id
  nfs_security_group_id = terraform_data.inputs.output.inbound
  permissions_boundary  = "arn:aws:iam::123456789012:policy/${terraform_data.inputs.output.boundary}"
  emails                = [for email in terraform_data.emails.output : email if email != ""]
  subscriptions = {
    queue = { protocol = "sqs", endpoint = var.prelude.queue }
  }
  kms_key                   = { arn = terraform_data.inputs.output.key }
  attach_file_system_policy = true
  bucket_name               = var.bucket_name
  delete_data               = true
  package_file              = "${path.module}/../terraform/example/efs-scan-0.1.0-1.aarch64.rpm"
  quota_default             = var.quota
  tags                      = { team = "ml" }

  # Names and texts as no key or template expects them.
  settings = {
    max_ops     = 5000
    max_latency = 5
    exclude     = ["lost+found", "a:b {c: \"d\"}, e"]
    notify      = { always = true }
    remind      = { from = "EFS <efs@example.com>", body = "Grüße: {size} \\ \"in\" use\n{reasons}" }
    quota       = { users = { "bob: \"b\" ü" = "1TiB" } }
    rules = {
      off = ["pip-cache"]
      add = [{
        id      = "scratch"
        class   = "trash"
        paths   = ["scratch/tmp"]
        command = "rm -r {path}"
        note    = "Our own: {x: 1} <&>"
      }]
    }
  }

  depends_on = [terraform_data.inputs]
}

output "monitor" {
  value     = module.efs_scan
  sensitive = true
}
