package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const longestAnswer = 64 << 10

// deadline is for one probe.
var deadline = 10 * time.Second

// limited keeps what is written up to a limit, and calls full once when there is more.
type limited struct {
	mutex sync.Mutex
	text  bytes.Buffer
	full  func()
	over  bool
}

func (l *limited) Write(some []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.text.Len()+len(some) > longestAnswer {
		if !l.over {
			l.over = true
			l.full()
		}
		return len(some), nil
	}
	return l.text.Write(some)
}

// supervise runs one probe in a process of its own, which may hang, crash or flood without harm to the others.
func supervise(name string, command []string, longest time.Duration) answer {
	child := exec.Command(command[0], command[1:]...)
	// Whatever a probe starts is in its group, and goes with it.
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	child.WaitDelay = time.Second
	kill := func() { _ = syscall.Kill(-child.Process.Pid, syscall.SIGKILL) }
	said := &limited{full: kill}
	child.Stdout, child.Stderr = said, said
	if err := child.Start(); err != nil {
		return answer{Probe: name, Unknown: "it could not be started: " + err.Error()}
	}
	late := false
	timer := time.AfterFunc(longest, func() { late = true; kill() })
	err := child.Wait()
	stopped := timer.Stop()
	kill()
	switch {
	case said.over:
		return answer{Probe: name, Unknown: fmt.Sprintf("it said more than %d KiB and was killed", longestAnswer>>10)}
	case !stopped && late:
		return answer{Probe: name, Unknown: fmt.Sprintf("it hung and was killed after %s", longest)}
	case err != nil:
		return answer{Probe: name, Unknown: fmt.Sprintf("it crashed: %v", err)}
	}
	var found answer
	if err := json.Unmarshal(said.text.Bytes(), &found); err != nil {
		return answer{Probe: name, Unknown: "it gave no answer that can be read"}
	}
	return found
}
