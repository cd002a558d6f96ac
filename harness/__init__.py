"""The caretaker: starts emulators, worker and API, and gives tests their endpoints."""
