"""Who used whose data: an append-only Merkle tree of signed lines (RFC 6962), with proofs that anyone can check."""
