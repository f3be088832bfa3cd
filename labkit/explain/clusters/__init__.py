"""`labkit explain --cluster`: the workloads and pods of any cluster, read with the user's own rights."""
