package main

// probes is every probe by its name; what each means to an attacker stands in labkit/threat/probes.toml.
var probes = map[string]func() answer{
	// files
	"overwrite-app":       overwriteApp,
	"plant-system-file":   func() answer { return plant("/etc") },
	"install-package":     installPackage,
	"read-shadow":         readShadow,
	"write-tmp":           func() answer { return plant("/tmp") },
	"write-volume-root":   func() answer { return plantInVolume("root") },
	"write-volume-app":    func() answer { return plantInVolume("app") },
	"write-volume-shared": func() answer { return plantInVolume("shared") },
	"group-zero-file":     func() answer { return rewrite("/labkit/group-zero") },
	"environment-secret":  environmentSecret,
	// identity
	"change-owner":           changeOwner,
	"change-uid":             changeUID,
	"setuid-helper":          askSetuidHelper,
	"capabilities-effective": func() answer { return holds("CapEff") },
	"capabilities-permitted": func() answer { return holds("CapPrm") },
	"capabilities-bounding":  func() answer { return holds("CapBnd") },
	// kernel
	"raw-socket":      rawSocket,
	"listen-80":       listen80,
	"change-root":     changeRoot,
	"mount":           mount,
	"unshare-user":    unshareUser,
	"make-device":     makeDevice,
	"open-disk":       openDisk,
	"load-module":     loadModule,
	"read-kernel-log": readKernelLog,
	"write-proc-sys":  writeProcSys,
	// processes
	"ptrace-neighbour": ptraceNeighbour,
	"kill-other-user":  killOtherUser,
	"host-processes":   hostProcesses,
	// beyond the container
	"api-token":     apiToken,
	"ask-api":       askAPI,
	"reach-kubelet": reachKubelet,
	"engine-socket": engineSocket,
	"mark-node":     markNode,
	"make-cgroup":   makeCgroup,
}
