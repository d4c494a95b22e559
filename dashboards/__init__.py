"""The Grafana dashboards as code: `make generate` writes their JSON into the chart, whose files anybody can import.

`operators` and `contact_centre` say what is on them, `panels` how it looks, `queries` what is asked of Prometheus.
"""
