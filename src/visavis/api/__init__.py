"""HTTP endpoints for machines: moments, people, rights, the ledger, EPCIS."""
