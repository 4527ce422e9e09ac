output "file_system_id" {
  description = "Id of the scanned file system."
  value       = local.file_system_id
}

output "instance_id" {
  description = "Id of the instance, if there is one. `aws ssm start-session --target ID` opens a shell on it."
  value       = one(aws_instance.monitor[*].id)
}

output "destination" {
  description = "Destination of the runs, for `efs-scan status --from` on any machine that may read the bucket."
  value       = local.destination
}

output "bucket" {
  description = "Name of the bucket with the reports, for monitors of other accounts that publish into it (their input `bucket`)."
  value       = local.bucket
}

output "topic_arn" {
  description = "ARN of the topic of alarms and notices, for subscriptions other than e-mail."
  value       = local.topic
}

output "role_arn" {
  description = "ARN of the monitor's role, for policies elsewhere."
  value       = local.role_arn
}

output "role_policy" {
  description = "Policy of the role, as JSON. The owner of a role that is handed in attaches it."
  value       = data.aws_iam_policy_document.monitor.json
}

output "bucket_policy" {
  description = "What the bucket's policy must allow this monitor if the bucket belongs to another account, as JSON: the bucket's owner merges it (source_policy_documents, or the input `writers` of the owner's module)."
  value       = data.aws_iam_policy_document.writer.json
}

output "topic_policy" {
  description = "What the topic's policy must allow, as JSON, for these alarms and, if the topic is handed in, for this monitor. A topic of this module has it."
  value       = data.aws_iam_policy_document.topic.json
}

output "file_system_policy" {
  description = "File system policy, as JSON, that denies writes to the monitor and leaves all other clients what they have without a policy. Attached only with attach_file_system_policy."
  value       = data.aws_iam_policy_document.file_system["efs"].json
}

output "file_system_ids" {
  description = "Ids of all scanned file systems, which are their keys at the destination; that of domain_id is `efs`."
  value       = { for name, it in local.homes : name => it.id }
}

output "more_file_system_policies" {
  description = "File system policies of more_domains, by name, as file_system_policy is that of the first. They are never attached."
  value       = { for name in keys(var.more_domains) : name => data.aws_iam_policy_document.file_system[name].json }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = local.all_alarms[*].alarm_name
}

output "dashboard_url" {
  description = "URL of the dashboard in the console."
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.homes.dashboard_name}"
}

output "athena_workgroup" {
  description = "Athena workgroup with the saved queries on the tables homes, findings and dirs of athena_database."
  value       = aws_athena_workgroup.reports.name
}

output "athena_database" {
  description = "Glue database of the tables."
  value       = aws_glue_catalog_database.reports.name
}

output "configuration" {
  description = "The configuration: /etc/efs-scan.toml of an instance, EFS_SCAN_CONFIG_TOML of a container."
  value       = local.configuration
}

output "user_data" {
  description = "Script that the instance runs at each start, to read before `apply` or after a failure."
  value       = local.on_instance ? local.setup : null
}

output "state_machine_arn" {
  description = "State machine that runs the container, with compute = \"fargate\" or \"batch\". `aws stepfunctions start-execution --state-machine-arn ARN` scans at once."
  value       = one(aws_sfn_state_machine.scan[*].arn)
}

output "log_group" {
  description = "Log group with what the containers say."
  value       = local.on_instance ? try(var.log_group.name, null) : local.log_group
}

output "container" {
  description = "Definition of the container as JSON, or of those of AWS Batch by job."
  value       = local.on_instance ? null : local.on_batch ? jsonencode(local.jobs) : jsonencode(local.container)
}
