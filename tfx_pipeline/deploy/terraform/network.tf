# Workers have no public addresses. Through Private Google Access they reach Cloud Storage, the registry and Google's
# APIs, and nothing else: there is no NAT.
resource "google_compute_network" "this" {
  name                    = "segmentation"
  auto_create_subnetworks = false

  depends_on = [google_project_service.needed]
}

resource "google_compute_subnetwork" "this" {
  name                     = "segmentation"
  network                  = google_compute_network.this.id
  region                   = var.region
  ip_cidr_range            = "10.10.0.0/20" # 4,092 workers
  private_ip_google_access = true
}

# Workers of one job talk to each other on these ports (Dataflow's documentation, "Configure internet access and firewall
# rules"); nothing else may reach them.
resource "google_compute_firewall" "workers" {
  name        = "segmentation-dataflow-workers"
  network     = google_compute_network.this.name
  direction   = "INGRESS"
  source_tags = ["dataflow"]
  target_tags = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}
