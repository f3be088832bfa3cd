// Command probe tries what an attacker would who runs code in a container: each attempt is harmless and undone at once.
// It says what was called and what came back; what that means is not judged here (labkit/threat/judge.py).
//
//	probe run [PROBE...]   each probe (all of them without a name) in a process of its own, one JSON line each
//	probe list             the probes' names
//	probe neighbour        sleeps, so that there is another user's process to try things on
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const neighbourSeconds = 120

func main() {
	// Whatever it is told, as a setuid program it only says who it has become.
	if os.Getuid() != os.Geteuid() || filepath.Base(os.Args[0]) == filepath.Base(setuidHelper) {
		fmt.Println(os.Geteuid())
		return
	}
	mode, rest := "", []string(nil)
	if len(os.Args) > 1 {
		mode, rest = os.Args[1], os.Args[2:]
	}
	switch {
	case mode == "run":
		run(rest)
	case mode == "list":
		for _, one := range names() {
			fmt.Println(one)
		}
	case mode == "one" && len(rest) == 1 && probes[rest[0]] != nil:
		answer := probes[rest[0]]()
		answer.Probe = rest[0]
		say(answer)
	case mode == "neighbour":
		time.Sleep(neighbourSeconds * time.Second)
	case mode == "nothing":
	default:
		fmt.Fprintln(os.Stderr, "usage: probe run [PROBE...] | probe list | probe neighbour")
		os.Exit(2)
	}
}

func run(wanted []string) {
	if len(wanted) == 0 {
		wanted = names()
	}
	say(gather())
	for _, one := range wanted {
		say(supervise(one, []string{"/proc/self/exe", "one", one}, deadline))
	}
}

func names() []string {
	var all []string
	for name := range probes {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func say(what any) {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		os.Exit(1)
	}
}
