"""The Atom management API as functions from request to response."""
