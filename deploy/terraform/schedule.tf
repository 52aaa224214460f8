# Scheduler -> Workflows -> Flex Template. The workflow waits for the job, which its launcher does
# not, and says to the log what became of it.
resource "google_workflows_workflow" "night" {
  name            = "tocsin-night"
  region          = var.region
  service_account = google_service_account.scheduler.id
  crypto_key_name = var.kms_key
  source_contents = templatefile("${path.module}/night.yaml.tftpl", {
    project           = var.project
    region            = var.region
    bucket            = google_storage_bucket.tocsin.name
    inputs            = join(",", var.inputs)
    image             = var.image
    worker            = google_service_account.worker.email
    launcher          = google_service_account.launcher.email
    subnetwork        = local.subnetwork
    machine_type      = var.machine_type
    max_workers       = var.max_workers
    dead_letter_share = var.dead_letter_share
    flexrs            = var.flexrs ? "COST_OPTIMIZED" : ""
    kms_key           = var.kms_key == null ? "" : var.kms_key
  })
}

resource "google_cloud_scheduler_job" "night" {
  name      = "tocsin-night"
  region    = var.region
  schedule  = var.schedule
  time_zone = var.time_zone

  # Starting is tried again; a workflow that has started tries the job itself again.
  retry_config {
    retry_count = 3
  }

  http_target {
    http_method = "POST"
    uri         = "https://workflowexecutions.googleapis.com/v1/${google_workflows_workflow.night.id}/executions"
    body        = base64encode(jsonencode({ argument = "{}" }))

    oauth_token {
      service_account_email = google_service_account.scheduler.email
    }
  }
}
