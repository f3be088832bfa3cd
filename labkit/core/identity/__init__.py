"""PURE: who a process runs as, by the rules of the engine, the kubelet and the runtime."""
