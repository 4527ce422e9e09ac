locals {
  topic = var.topic == null ? aws_sns_topic.alarms[0].arn : var.topic.arn
}

# Encrypted only with a key of yours (kms_key.topic): CloudWatch cannot publish to a topic with Amazon's own
# key, and the messages contain only names of users and sizes.
resource "aws_sns_topic" "alarms" {
  count = var.topic == null ? 1 : 0

  name              = "${local.name}-alarms"
  kms_master_key_id = try(var.kms_key.topic, false) ? var.kms_key.arn : null
  tags              = var.tags

  lifecycle {
    # Another topic would have none of the confirmed subscriptions.
    ignore_changes = [name]
  }
}

# The monitor may publish by its role. Any policy replaces SNS's default one, which gives the account's
# own identities what IAM gives them anyway.
data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "Alarms${local.sid}"
    actions   = ["sns:Publish"]
    resources = [local.topic]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  # Where the topic belongs to another account, the role alone does not suffice.
  dynamic "statement" {
    for_each = var.topic == null ? [] : [local.role_arn]

    content {
      sid       = "Notices${local.sid}"
      actions   = ["sns:Publish"]
      resources = [local.topic]

      principals {
        type        = "AWS"
        identifiers = [statement.value]
      }
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  count = var.topic == null ? 1 : 0

  arn    = aws_sns_topic.alarms[0].arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "more" {
  for_each = var.subscriptions

  topic_arn                       = local.topic
  protocol                        = each.value.protocol
  endpoint                        = each.value.endpoint
  endpoint_auto_confirms          = each.value.endpoint_auto_confirms
  raw_message_delivery            = each.value.raw_message_delivery
  filter_policy                   = each.value.filter_policy
  filter_policy_scope             = each.value.filter_policy_scope
  redrive_policy                  = each.value.redrive_policy
  delivery_policy                 = each.value.delivery_policy
  subscription_role_arn           = each.value.subscription_role_arn
  confirmation_timeout_in_minutes = each.value.confirmation_timeout_in_minutes
}

# The addresses of `emails` are a CloudFormation stack's, because the plan need not know them: a template may
# be unknown until `apply`, the keys of a `for_each` may not. The handle is there because a stack must have
# something in it.
resource "aws_cloudformation_stack" "emails" {
  count = var.emails_by_stack ? 1 : 0

  name = "${local.name}-emails"
  tags = var.tags

  template_body = jsonencode({
    Resources = merge(
      { Nothing = { Type = "AWS::CloudFormation::WaitConditionHandle" } },
      { for email in var.emails : "Email${substr(sha256(email), 0, 32)}" => {
        Type       = "AWS::SNS::Subscription"
        Properties = { TopicArn = local.topic, Protocol = "email", Endpoint = email }
      } },
    )
  })

  lifecycle {
    # Every address would have to confirm again.
    ignore_changes = [name]
  }
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails_by_stack ? toset([]) : var.emails

  topic_arn = local.topic
  protocol  = "email"
  endpoint  = each.key
}
