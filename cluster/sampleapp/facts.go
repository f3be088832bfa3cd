package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// facts is what the .NET samples tell of where they run, under the names that they use.
type facts struct {
	RuntimeVersion            string `json:"runtimeVersion"`
	OSVersion                 string `json:"osVersion"`
	OSArchitecture            string `json:"osArchitecture"`
	User                      string `json:"user"`
	ProcessorCount            int    `json:"processorCount"`
	TotalAvailableMemoryBytes uint64 `json:"totalAvailableMemoryBytes"`
	MemoryLimit               uint64 `json:"memoryLimit"`
	MemoryUsage               uint64 `json:"memoryUsage"`
	HostName                  string `json:"hostName"`
}

// runtimeVersion keeps the samples' field and does not pretend to be what it is not.
const runtimeVersion = "stand-in for .NET 10"

// noLimit is what cgroup v1 writes where there is no limit, give or take a page.
const noLimit = uint64(1) << 62

func gather(root fs.FS) facts {
	host, _ := os.Hostname()
	limit, usage := memory(root)
	available := limit / 4 * 3 // .NET's collector takes 75 % of a limit
	if limit == 0 {
		available = totalMemory(root)
	}
	return facts{
		RuntimeVersion:            runtimeVersion,
		OSVersion:                 osName(root),
		OSArchitecture:            architecture(runtime.GOARCH),
		User:                      userName(root, os.Geteuid()),
		ProcessorCount:            runtime.NumCPU(),
		TotalAvailableMemoryBytes: available,
		MemoryLimit:               limit,
		MemoryUsage:               usage,
		HostName:                  host,
	}
}

// userName is the name of the first passwd line with that uid, empty if there is none,
// as .NET's Environment.UserName is.
func userName(root fs.FS, uid int) string {
	for _, line := range lines(root, "etc/passwd") {
		fields := strings.Split(line, ":")
		if len(fields) > 2 && fields[2] == strconv.Itoa(uid) {
			return fields[0]
		}
	}
	return ""
}

func osName(root fs.FS) string {
	for _, line := range lines(root, "etc/os-release") {
		if name, found := strings.CutPrefix(line, "PRETTY_NAME="); found {
			return strings.Trim(name, `"`)
		}
	}
	return "Linux"
}

func architecture(goarch string) string {
	switch goarch {
	case "amd64":
		return "X64"
	case "arm64":
		return "Arm64"
	}
	return goarch
}

// memory gives the control group's limit and usage in bytes, 0 where there is none; version 2 first.
func memory(root fs.FS) (limit, usage uint64) {
	for _, names := range [][2]string{
		{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"},
		{"sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		if usage := number(root, names[1]); usage > 0 {
			limit := number(root, names[0])
			if limit >= noLimit {
				limit = 0
			}
			return limit, usage
		}
	}
	return 0, 0
}

func totalMemory(root fs.FS) uint64 {
	for _, line := range lines(root, "proc/meminfo") {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "MemTotal:" {
			kibibytes, _ := strconv.ParseUint(fields[1], 10, 64)
			return kibibytes * 1024
		}
	}
	return 0
}

func number(root fs.FS, name string) uint64 {
	found := lines(root, name)
	if len(found) == 0 {
		return 0
	}
	value, _ := strconv.ParseUint(found[0], 10, 64)
	return value
}

func lines(root fs.FS, name string) []string {
	file, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	var found []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		found = append(found, scanner.Text())
	}
	return found
}

func inBestUnit(bytes uint64) string {
	const mebibyte, gibibyte = 1 << 20, 1 << 30
	if bytes >= gibibyte {
		return fmt.Sprintf("%.2f GiB", float64(bytes)/gibibyte)
	}
	return fmt.Sprintf("%.2f MiB", float64(bytes)/mebibyte)
}
