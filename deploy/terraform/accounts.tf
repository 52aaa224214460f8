# Three accounts, so that none can do another's work. The reason stands beside each permission.

resource "google_service_account" "worker" {
  account_id   = "tocsin-worker"
  display_name = "Workers of a scan"
}

resource "google_service_account" "launcher" {
  account_id   = "tocsin-launcher"
  display_name = "Launcher of the Flex Template"
}

resource "google_service_account" "scheduler" {
  account_id   = "tocsin-scheduler"
  display_name = "Schedule and workflow of the nights"
}

locals {
  worker    = "serviceAccount:${google_service_account.worker.email}"
  launcher  = "serviceAccount:${google_service_account.launcher.email}"
  scheduler = "serviceAccount:${google_service_account.scheduler.email}"

  project_roles = {
    # Workers report their state to Dataflow and take work from it.
    worker_dataflow = { role = "roles/dataflow.worker", member = local.worker }
    # The launcher creates the job.
    launcher_dataflow = { role = "roles/dataflow.developer", member = local.launcher }
    # The launcher's own machine is a Dataflow worker.
    launcher_worker = { role = "roles/dataflow.worker", member = local.launcher }
    # The workflow starts the template and watches the job.
    scheduler_dataflow = { role = "roles/dataflow.developer", member = local.scheduler }
    # The schedule starts the workflow.
    scheduler_workflows = { role = "roles/workflows.invoker", member = local.scheduler }
    # The workflow writes what became of a night to the log, which alerts read.
    scheduler_log = { role = "roles/logging.logWriter", member = local.scheduler }
  }

  bucket_roles = {
    # Workers write parts and the manifest, and delete leftovers of an interrupted run.
    worker_result = { bucket = google_storage_bucket.tocsin.name, role = "roles/storage.objectAdmin", member = local.worker }
    # Workers read the corpus, and can't change it.
    worker_corpus = { bucket = var.corpus_bucket, role = "roles/storage.objectViewer", member = local.worker }
    # The launcher stages the job's graph and looks for an earlier result.
    launcher_result = { bucket = google_storage_bucket.tocsin.name, role = "roles/storage.objectAdmin", member = local.launcher }
    # The launcher lists the shards.
    launcher_corpus = { bucket = var.corpus_bucket, role = "roles/storage.objectViewer", member = local.launcher }
    # The workflow reads the template's file and, when a night is done, its manifest.
    scheduler_result = { bucket = google_storage_bucket.tocsin.name, role = "roles/storage.objectViewer", member = local.scheduler }
  }

  acts_as = {
    # The launcher starts workers that run as their own account.
    launcher_worker = { account = google_service_account.worker.name, member = local.launcher }
    # The workflow starts a launcher that runs as its own account.
    scheduler_launcher = { account = google_service_account.launcher.name, member = local.scheduler }
  }

  image_readers = {
    # Workers and launcher pull the image.
    worker   = local.worker
    launcher = local.launcher
  }
}

resource "google_project_iam_member" "roles" {
  for_each = local.project_roles
  project  = var.project
  role     = each.value.role
  member   = each.value.member
}

resource "google_storage_bucket_iam_member" "roles" {
  for_each = local.bucket_roles
  bucket   = each.value.bucket
  role     = each.value.role
  member   = each.value.member
}

resource "google_service_account_iam_member" "acts_as" {
  for_each           = local.acts_as
  service_account_id = each.value.account
  role               = "roles/iam.serviceAccountUser"
  member             = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "readers" {
  for_each   = local.image_readers
  location   = google_artifact_registry_repository.tocsin.location
  repository = google_artifact_registry_repository.tocsin.name
  role       = "roles/artifactregistry.reader"
  member     = each.value
}
