package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	corePattern = "/proc/sys/kernel/core_pattern"
	mountPoint  = "/labkit/mnt"
	scratch     = "/dev/shm/"
	readAll     = 3
	sizeBuffer  = 10
	noAddress   = ^uintptr(0)
)

func rawSocket() answer {
	handle, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	if err == nil {
		_ = unix.Close(handle)
	}
	return attempted("socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)", err).needing("CAP_NET_RAW")
}

func listen80() answer {
	listener, err := net.Listen("tcp4", ":80")
	if err == nil {
		_ = listener.Close()
	}
	found := attempted("bind(port 80)", err).needing("CAP_NET_BIND_SERVICE")
	first := strings.TrimSpace(text("/proc/sys/net/ipv4/ip_unprivileged_port_start"))
	return found.saying("ip_unprivileged_port_start is " + first)
}

func changeRoot() answer {
	return attempted(`chroot("/")`, unix.Chroot("/")).needing("CAP_SYS_CHROOT")
}

// mount first asks with an address that cannot be read: the kernel says EFAULT before it looks at capabilities,
// so EPERM is seccomp's (linux:fs/namespace.c, SYSCALL_DEFINE5(mount)).
func mount() answer {
	_, _, unreadable := unix.RawSyscall6(unix.SYS_MOUNT, noAddress, noAddress, noAddress, 0, 0, 0)
	err := unix.Mount("labkit", mountPoint, "tmpfs", 0, "size=4k")
	if err == nil {
		_ = unix.Unmount(mountPoint, unix.MNT_DETACH)
	}
	return attempted("mount(tmpfs)", err).needing("CAP_SYS_ADMIN").filteredBy(unreadable)
}

// unshareUser first asks for a flag that does not exist: the kernel says EINVAL before anything else
// (linux:kernel/fork.c, check_unshare_flags). A Go program has threads, so a child makes the namespace.
func unshareUser() answer {
	_, _, badFlag := unix.RawSyscall(unix.SYS_UNSHARE, 1, 0, 0)
	child := exec.Command("/proc/self/exe", "nothing")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	return attempted("clone(CLONE_NEWUSER)", child.Run()).filteredBy(badFlag)
}

// makeDevice makes the node of /dev/null once more where everybody may write.
func makeDevice() answer {
	path := scratch + "labkit-null"
	err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
	if err == nil {
		_ = os.Remove(path)
	}
	return attempted("mknod(a character device)", err).needing("CAP_MKNOD")
}

// openDisk opens the machine's first disk for reading, and reads nothing.
func openDisk() answer {
	for _, line := range strings.Split(text("/proc/partitions"), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] == "major" || strings.HasPrefix(fields[3], "ram") || strings.HasPrefix(fields[3], "loop") {
			continue
		}
		path := "/dev/" + fields[3]
		file, err := os.Open(path)
		if isAbsent(err) {
			return answer{Call: "open(" + path + ", O_RDONLY)", Hidden: path}
		}
		if err == nil {
			_ = file.Close()
		}
		return attempted("open("+path+", O_RDONLY)", err)
	}
	return answer{Call: "read /proc/partitions", Hidden: "every disk"}
}

// loadModule hands over an empty module, which the kernel refuses for its form once it has looked at capabilities
// (linux:kernel/module/main.c, SYSCALL_DEFINE3(init_module)): asked, never done.
func loadModule() answer {
	nothing := []byte{0}
	_, _, err := unix.RawSyscall(unix.SYS_INIT_MODULE, 0, 0, uintptr(unsafe.Pointer(&nothing[0])))
	found := answer{Call: "init_module(an empty module)"}.needing("CAP_SYS_MODULE")
	if errors.Is(err, unix.ENOEXEC) {
		found.Done, found.Said = true, "the kernel would take a module that is one"
		return found
	}
	if errors.Is(err, unix.ENOSYS) {
		found.Absent = "loadable modules in this kernel"
		return found
	}
	found = attempted(found.Call, err).needing(found.Needs)
	if _, missing := os.Stat("/proc/modules"); isAbsent(missing) {
		// A kernel without modules has no such call: whoever refuses it stands before the kernel.
		return found.filteredBy(err)
	}
	return found
}

// readKernelLog reads a few bytes and throws them away. Where the kernel lets everybody read (dmesg_restrict 0),
// a refusal is seccomp's (linux:kernel/printk/printk.c, check_syslog_permissions).
func readKernelLog() answer {
	_, err := unix.Klogctl(readAll, make([]byte, 16))
	found := attempted("syslog(SYSLOG_ACTION_READ_ALL)", err).needing("CAP_SYSLOG")
	if strings.TrimSpace(text("/proc/sys/kernel/dmesg_restrict")) == "0" {
		_, refused := unix.Klogctl(sizeBuffer, nil)
		return found.filteredBy(refused)
	}
	return found
}

// writeProcSys opens the setting that names the kernel's crash handler for writing, and writes nothing.
func writeProcSys() answer {
	file, err := os.OpenFile(corePattern, os.O_WRONLY, 0)
	if err == nil {
		_ = file.Close()
	}
	return attempted("open("+corePattern+", O_WRONLY)", err)
}
