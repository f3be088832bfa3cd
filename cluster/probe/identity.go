package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	setuidHelper = "/labkit/setuid-helper"
	appUID       = 1654
)

// somebodyElse is root for those who are not, and the app's user for root.
func somebodyElse() int {
	if os.Geteuid() == 0 {
		return appUID
	}
	return 0
}

// changeOwner gives a file of its own away; the file is in memory alone, so no permission of a folder is in the way.
func changeOwner() answer {
	call := fmt.Sprintf("fchown(a file of one's own, %d)", somebodyElse())
	handle, err := unix.MemfdCreate("labkit", unix.MFD_CLOEXEC)
	if err != nil {
		return attempted("memfd_create", err)
	}
	defer unix.Close(handle)
	return attempted(call, unix.Fchown(handle, somebodyElse(), -1)).needing("CAP_CHOWN")
}

func changeUID() answer {
	other := somebodyElse()
	call := fmt.Sprintf("setresuid(%d, %d, %d)", other, other, other)
	return attempted(call, syscall.Setresuid(other, other, other)).needing("CAP_SETUID")
}

func askSetuidHelper() answer {
	call := "execve(a program of root's with the setuid bit)"
	said, err := exec.Command(setuidHelper).Output()
	if isAbsent(err) {
		return answer{Call: call, Absent: setuidHelper}
	}
	if err != nil {
		return attempted(call, err)
	}
	became := strings.TrimSpace(string(said))
	found := answer{Call: call, Said: "it ran with effective uid " + became, Done: became == "0"}
	if found.Done {
		return found
	}
	if ownStatus()["NoNewPrivs"] == "1" {
		found.Control = "no_new_privs"
	} else {
		found.Unknown = "it ran, but not as root, and no_new_privs is not set"
	}
	return found
}

func holds(set string) answer {
	call := "read " + set + " of /proc/self/status"
	mask, err := strconv.ParseUint(ownStatus()[set], 16, 64)
	if err != nil {
		return answer{Call: call, Unknown: "the kernel does not say"}
	}
	found := answer{Call: call, Done: mask != 0, Said: fmt.Sprintf("%016x", mask)}
	if mask == 0 {
		found.Control = "capability"
	}
	return found
}
