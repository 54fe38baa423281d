"""Pictures of the dashboards, drawn without Grafana from what a Prometheus answers to their panels."""
