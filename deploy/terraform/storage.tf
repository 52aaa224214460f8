# Results, profiles, templates, and what Dataflow stages. The corpus stays where it is.
resource "google_storage_bucket" "tocsin" {
  name                        = "${var.project}-tocsin"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # A manifest that was replaced can be looked up.
  versioning {
    enabled = true
  }

  # Not locked: whoever owns the project may shorten it; a worker may not.
  soft_delete_policy {
    retention_duration_seconds = var.retention_days * 86400
  }

  # What Dataflow stages is of no use after its job.
  lifecycle_rule {
    condition {
      age            = 7
      matches_prefix = ["temp/", "staging/"]
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      num_newer_versions = 3
      with_state         = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_artifact_registry_repository" "tocsin" {
  repository_id = "tocsin"
  location      = var.region
  format        = "DOCKER"
  kms_key_name  = var.kms_key

  docker_config {
    immutable_tags = true
  }
}
