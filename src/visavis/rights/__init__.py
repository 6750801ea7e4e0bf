"""Rights of persons: copy, correction, erasure, restriction, objection, and the proof that it was done."""
