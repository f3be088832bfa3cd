package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	volumes       = "/labkit/volumes"
	packageFile   = "/labkit/nothing.deb"
	packageName   = "labkit-nothing"
	dpkgLock      = "/var/lib/dpkg/lock-frontend"
	secretVar     = "DATABASE_PASSWORD"
	appVar        = "LABKIT_APP"
	plantedPrefix = "labkit-planted-"
)

func overwriteApp() answer {
	path := os.Getenv(appVar)
	if path == "" {
		return answer{Call: "open(the app's program, O_RDWR)", Unknown: "nobody said which file the app's program is"}
	}
	return rewrite(path)
}

// rewrite writes a file's first byte again: the file has really been written, and is as it was. A program that runs
// cannot be written to, whoever asks; it can be put aside for another, which is tried by putting it aside and back.
func rewrite(path string) answer {
	call := fmt.Sprintf("open(%q, O_RDWR); write", path)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if isAbsent(err) {
		return answer{Call: call, Absent: path}
	}
	if errors.Is(err, unix.ETXTBSY) {
		return putAside(path)
	}
	if err != nil {
		return attempted(call, err)
	}
	defer file.Close()
	first := make([]byte, 1)
	if _, err := file.ReadAt(first, 0); err != nil {
		return attempted(call, err)
	}
	_, err = file.WriteAt(first, 0)
	return attempted(call, err)
}

func putAside(path string) answer {
	aside := path + ".labkit-aside"
	call := fmt.Sprintf("rename(%q, %q), and back", path, aside)
	err := unix.Rename(path, aside)
	if err == nil {
		err = unix.Rename(aside, path)
	}
	return attempted(call, err)
}

// plant makes a file in a folder, and removes it.
func plant(folder string) answer {
	host, _ := os.Hostname()
	path := filepath.Join(folder, plantedPrefix+host)
	call := fmt.Sprintf("open(%q, O_CREAT|O_EXCL|O_WRONLY)", path)
	if _, err := os.Stat(folder); isAbsent(err) {
		return answer{Call: call, Absent: folder}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return attempted(call, err)
	}
	defer os.Remove(path)
	defer file.Close()
	_, err = file.WriteString("planted by labkit\n")
	return attempted(call, err)
}

// plantInVolume plants in a volume only, never in the image's folder below its mount point.
func plantInVolume(name string) answer {
	folder := filepath.Join(volumes, name)
	var inside, outside unix.Stat_t
	if unix.Stat(folder, &inside) != nil || unix.Stat(volumes, &outside) != nil || inside.Dev == outside.Dev {
		return answer{Call: "stat " + folder, Absent: "volume at " + folder}
	}
	return plant(folder).saying(fmt.Sprintf("the volume is of uid %d, gid %d, mode %#o",
		inside.Uid, inside.Gid, inside.Mode&0o7777))
}

func readShadow() answer {
	call := `open("/etc/shadow", O_RDONLY)`
	file, err := os.Open("/etc/shadow")
	if isAbsent(err) {
		return answer{Call: call, Absent: "/etc/shadow"}
	}
	if err == nil {
		_ = file.Close()
	}
	return attempted(call, err)
}

// installPackage takes the lock that apt-get takes first, then installs an empty package, and purges it.
func installPackage() answer {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		return answer{Call: "dpkg --install", Absent: "dpkg"}
	}
	call := fmt.Sprintf("open(%q, O_RDWR|O_CREAT)", dpkgLock)
	lock, err := os.OpenFile(dpkgLock, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return attempted(call, err)
	}
	_ = lock.Close()
	call = "dpkg --install " + packageFile
	said, err := exec.Command(dpkg, "--force-unsafe-io", "--install", packageFile).CombinedOutput()
	if err != nil {
		return answer{Call: call, Unknown: lastLine(string(said))}
	}
	_ = exec.Command(dpkg, "--force-unsafe-io", "--purge", packageName).Run()
	return answer{Call: call, Done: true}
}

func lastLine(text string) string {
	found := strings.Split(strings.TrimSpace(text), "\n")
	return found[len(found)-1]
}

func environmentSecret() answer {
	call := fmt.Sprintf("getenv(%q)", secretVar)
	if os.Getenv(secretVar) == "" {
		return answer{Call: call, Absent: "secret in the environment"}
	}
	return answer{Call: call, Done: true, Said: fmt.Sprintf("%d characters", len(os.Getenv(secretVar)))}
}

// connects tells whether a socket of the file system takes a connection.
func connects(path string) error {
	handle, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(handle)
	err = unix.Connect(handle, &unix.SockaddrUnix{Name: path})
	if errors.Is(err, unix.ECONNREFUSED) {
		return unix.ENOENT
	}
	return err
}
