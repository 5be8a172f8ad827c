"""Parameters, runs, pages, the catalogue and manifests of reports."""
