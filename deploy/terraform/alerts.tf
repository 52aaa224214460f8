resource "google_monitoring_notification_channel" "mail" {
  display_name = "Tocsin"
  type         = "email"
  labels = {
    email_address = var.alert_email
  }
}

locals {
  # Lines that the workflow of a night logs. Too many dead letters make a night fail.
  log_alerts = {
    failed   = { name = "Tocsin: a night failed", filter = "jsonPayload.outcome=\"failed\"" }
    findings = { name = "Tocsin: documents to quarantine", filter = "jsonPayload.outcome=\"done\" AND jsonPayload.totals.quarantined>0" }
  }
}

resource "google_monitoring_alert_policy" "log" {
  for_each              = local.log_alerts
  display_name          = each.value.name
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.mail.id]

  conditions {
    display_name = each.value.name
    condition_matched_log {
      filter = "resource.type=\"workflows.googleapis.com/Workflow\" AND jsonPayload.event=\"tocsin.night\" AND ${each.value.filter}"
    }
  }

  alert_strategy {
    notification_rate_limit {
      period = "3600s"
    }
  }
}

resource "google_logging_metric" "nights" {
  name   = "tocsin/nights"
  filter = "resource.type=\"workflows.googleapis.com/Workflow\" AND jsonPayload.event=\"tocsin.night\" AND jsonPayload.outcome=\"done\""
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# A night that did not run leaves no line: what is missing is the alert. 23.5 hours is the most that
# an absence can be asked for.
resource "google_monitoring_alert_policy" "missing" {
  display_name          = "Tocsin: no night was done"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.mail.id]

  conditions {
    display_name = "no night was done for 23.5 hours"
    condition_absent {
      filter   = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.nights.name}\" AND resource.type=\"workflows.googleapis.com/Workflow\""
      duration = "84600s"
      aggregations {
        alignment_period   = "3600s"
        per_series_aligner = "ALIGN_SUM"
      }
    }
  }
}

resource "google_billing_budget" "tocsin" {
  count           = var.billing_account == null ? 0 : 1
  billing_account = var.billing_account
  display_name    = "Tocsin"

  budget_filter {
    projects = ["projects/${var.project}"]
    labels   = { app = "tocsin" }
  }

  amount {
    specified_amount {
      units = var.monthly_budget
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.mail.id]
  }
}
