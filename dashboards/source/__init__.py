"""The dashboards as they are written; `dashboards/build` makes Grafana's JSON of them."""
