//go:build misbehave

package main

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Three probes that no lab runs; the tests do, to see that the others survive them.
func init() {
	deadline = 2 * time.Second
	probes["test-hang"] = func() answer { time.Sleep(time.Hour); return answer{} }
	probes["test-crash"] = func() answer { _ = syscall.Kill(syscall.Getpid(), syscall.SIGSEGV); select {} }
	probes["test-flood"] = func() answer {
		for {
			fmt.Println(strings.Repeat("flood", 1000))
		}
	}
}
