package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	neighbourVar  = "LABKIT_NEIGHBOUR"
	neighbourWait = 4 * time.Second
	noRequest     = 0x7fff
)

// ptraceNeighbour takes hold of a process of the same user and lets it go. A request that does not exist tells
// seccomp's answer from the kernel's.
func ptraceNeighbour() answer {
	runtime.LockOSThread()
	_, _, noSuchRequest := unix.RawSyscall(unix.SYS_PTRACE, noRequest, 0, 0)
	child := exec.Command("/proc/self/exe", "neighbour")
	if err := child.Start(); err != nil {
		return attempted("fork", err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	err := unix.PtraceAttach(child.Process.Pid)
	if err == nil {
		var status unix.WaitStatus
		_, _ = unix.Wait4(child.Process.Pid, &status, 0, nil)
		_ = unix.PtraceDetach(child.Process.Pid)
	}
	return attempted("ptrace(PTRACE_ATTACH, a process of the same user)", err).filteredBy(noSuchRequest)
}

// killOtherUser sends signal 0, for which the kernel checks the permission and does nothing (kill(2)).
func killOtherUser() answer {
	wanted := os.Getenv(neighbourVar)
	call := "kill(a process of uid " + wanted + ", 0)"
	for until := time.Now().Add(neighbourWait); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		for _, process := range processes() {
			uids := strings.Fields(statusOf(process)["Uid"])
			if wanted == "" || len(uids) == 0 || uids[0] != wanted {
				continue
			}
			number, _ := strconv.Atoi(process)
			return attempted(call, unix.Kill(number, 0)).needing("CAP_KILL")
		}
		if wanted == "" {
			break
		}
	}
	return answer{Call: call, Unknown: "there is no process of another user"}
}

var hosts = []string{"kubelet", "dockerd", "containerd", "systemd", "kthreadd"}

func hostProcesses() answer {
	found := processes()
	call := "read /proc/*/comm"
	for _, process := range found {
		if name := strings.TrimSpace(text("/proc/" + process + "/comm")); slices.Contains(hosts, name) {
			return answer{Call: call, Done: true, Said: name + " is in sight"}
		}
	}
	return answer{Call: call, Hidden: "the host's processes", Said: fmt.Sprintf("%d processes in sight", len(found))}
}

func processes() []string {
	entries, _ := os.ReadDir("/proc")
	var found []string
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err == nil {
			found = append(found, entry.Name())
		}
	}
	return found
}
