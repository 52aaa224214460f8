# Workers have no public address; they reach Google's services alone.
resource "google_compute_network" "tocsin" {
  count                   = var.network == null ? 1 : 0
  name                    = "tocsin"
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "tocsin" {
  count                    = var.network == null ? 1 : 0
  name                     = "tocsin"
  network                  = google_compute_network.tocsin[0].id
  ip_cidr_range            = "10.128.0.0/20"
  private_ip_google_access = true
}

# Dataflow's workers speak to each other on these two ports.
resource "google_compute_firewall" "workers" {
  count       = var.network == null ? 1 : 0
  name        = "tocsin-workers"
  network     = google_compute_network.tocsin[0].name
  source_tags = ["dataflow"]
  target_tags = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}

locals {
  subnetwork = var.network == null ? "regions/${var.region}/subnetworks/${google_compute_subnetwork.tocsin[0].name}" : var.subnetwork
}
