"""The site: pages for people and RDF for machines, from the snapshot in use."""

from kg.web.site import create_app

__all__ = ["create_app"]
