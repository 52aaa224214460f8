output "bucket" {
  value       = google_storage_bucket.tocsin.name
  description = "Bucket of results, templates and profiles."
}

output "repository" {
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.tocsin.repository_id}"
  description = "Where the image is pushed."
}
