"""What an attacker could do in each posture: probes, evidence, one matrix, one worksheet."""
