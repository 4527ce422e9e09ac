output "file_system_id" {
  description = "The file system that is scanned."
  value       = local.file_system_id
}

output "instance_id" {
  description = "The monitor. `aws ssm start-session --target ID` gives a shell on it."
  value       = aws_instance.monitor.id
}

output "destination" {
  description = "Where runs are published: `efs-scan status --from` takes it, from any machine that may read the bucket."
  value       = "s3://${local.bucket_name}/${var.prefix}"
}

output "topic_arn" {
  description = "The topic of alarms and notices, to subscribe others than by e-mail."
  value       = aws_sns_topic.alarms.arn
}

output "role_arn" {
  description = "The monitor's role, to name it in policies elsewhere."
  value       = aws_iam_role.monitor.arn
}

output "role_policy" {
  description = "What the role may do, as JSON."
  value       = data.aws_iam_policy_document.monitor.json
}

output "file_system_policy" {
  description = "A file system policy, as JSON, that keeps the monitor from writing and everybody else as they are without one. Attached only with attach_file_system_policy."
  value       = data.aws_iam_policy_document.file_system.json
}

output "alarm_names" {
  description = "The alarms."
  value       = local.all_alarms[*].alarm_name
}

output "dashboard_url" {
  description = "The dashboard, in the console."
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.homes.dashboard_name}"
}

output "athena_workgroup" {
  description = "The workgroup with the saved queries, on the tables homes and findings of athena_database."
  value       = aws_athena_workgroup.reports.name
}

output "athena_database" {
  description = "The Glue database of the tables."
  value       = aws_glue_catalog_database.reports.name
}

output "configuration" {
  description = "/etc/efs-scan.toml of the monitor."
  value       = local.configuration
}

output "user_data" {
  description = "What the monitor runs at its first start, to read before `apply` and when it failed."
  value       = local.user_data
}
