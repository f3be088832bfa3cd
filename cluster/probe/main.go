// Command probe tries what an attacker would who runs code in a container: each attempt is harmless and undone at once.
// It says what was called and what came back; what that means is not judged here (labkit/threat/judge.py).
//
//	probe run [PROBE...]      each probe (all of them without a name) in a process of its own, one JSON line each
//	probe hold [PROBE...]     the same, and stays when it is done, so that what it left can be looked at from outside
//	probe list                the probes' names
//	probe neighbour           stays, so that there is another user's process to try things on
//	probe send URL COMMAND    plays the attacker: posts a command to a vulnerable page, prints what comes back
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// longestHold is for the case that whoever started this program is gone and cannot stop it.
const longestHold = 5 * time.Minute

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
	case mode == "hold":
		run(rest)
		stay(time.After(longestHold))
	case mode == "list":
		for _, one := range names() {
			fmt.Println(one)
		}
	case mode == "one" && len(rest) == 1 && probes[rest[0]] != nil:
		answer := probes[rest[0]]()
		answer.Probe = rest[0]
		say(answer)
	case mode == "neighbour":
		stay(nil)
	case mode == "send" && len(rest) == 2:
		if err := send(os.Stdout, rest[0], rest[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case mode == "nothing":
	default:
		fmt.Fprintln(os.Stderr, "usage: probe run|hold [PROBE...] | list | neighbour | send URL COMMAND")
		os.Exit(2)
	}
}

func run(wanted []string) {
	if len(wanted) == 0 {
		wanted = names()
	}
	say(gather())
	for _, one := range wanted {
		if probes[one] == nil {
			say(answer{Probe: one, Unknown: "the program has no such probe"})
			continue
		}
		say(supervise(one, []string{"/proc/self/exe", "one", one}, deadline))
	}
	say(struct {
		End bool `json:"end"`
	}{true})
}

// stay waits to be told to stop: as the first process of a container it would not hear a signal that it does not
// ask for. If there is an end, it waits no longer than that.
func stay(end <-chan time.Time) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-told:
	case <-end:
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
