package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// facts is who runs the probes, and under which of the kernel's controls (proc_pid_status(5)).
type facts struct {
	UID           int    `json:"uid"`
	GID           int    `json:"gid"`
	Groups        []int  `json:"groups"`
	CapEffective  string `json:"cap_effective"`
	CapPermitted  string `json:"cap_permitted"`
	CapBounding   string `json:"cap_bounding"`
	NoNewPrivs    bool   `json:"no_new_privs"`
	Seccomp       int    `json:"seccomp"`
	UIDMap        string `json:"uid_map"`
	UserNamespace bool   `json:"user_namespace"`
	Kernel        string `json:"kernel"`
}

func gather() facts {
	status := ownStatus()
	groups, _ := os.Getgroups()
	seccomp, _ := strconv.Atoi(status["Seccomp"])
	found := strings.Join(strings.Fields(text("/proc/self/uid_map")), " ")
	return facts{
		UID: os.Geteuid(), GID: os.Getegid(), Groups: groups,
		CapEffective: status["CapEff"], CapPermitted: status["CapPrm"], CapBounding: status["CapBnd"],
		NoNewPrivs: status["NoNewPrivs"] == "1", Seccomp: seccomp,
		UIDMap: found, UserNamespace: found != "0 0 4294967295",
		Kernel: strings.TrimSpace(text("/proc/sys/kernel/osrelease")),
	}
}

func ownStatus() map[string]string {
	return statusOf("self")
}

func statusOf(process string) map[string]string {
	found := map[string]string{}
	file, err := os.Open("/proc/" + process + "/status")
	if err != nil {
		return found
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		name, value, _ := strings.Cut(scanner.Text(), ":")
		found[name] = strings.TrimSpace(value)
	}
	return found
}

func text(path string) string {
	content, _ := os.ReadFile(path)
	return string(content)
}
