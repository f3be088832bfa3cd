package main

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// answer is what became of one attempt. Exactly one of done, errno, absent, hidden, control and unknown says how it
// ended; the rest is there to tell which control it was.
type answer struct {
	Probe string `json:"probe"`
	// Call is what was tried, as one would write it in C or type it.
	Call string `json:"call"`
	// Done is true if it worked.
	Done bool `json:"done"`
	// Errno is the name of the error with which the kernel refused.
	Errno string `json:"errno,omitempty"`
	// Said is what came back, in words.
	Said string `json:"said,omitempty"`
	// Needs is the capability that the kernel asks for.
	Needs string `json:"needs,omitempty"`
	// Filtered is whether seccomp answers this call, where that can be told from the kernel's own answer.
	Filtered *bool `json:"filtered,omitempty"`
	// Absent is the tool or file of the container that is not there.
	Absent string `json:"absent,omitempty"`
	// Hidden is the thing of the node or host that this container does not see.
	Hidden string `json:"hidden,omitempty"`
	// Control is set where what was looked at is the control itself.
	Control string `json:"control,omitempty"`
	// Unknown is why nothing can be said.
	Unknown string `json:"unknown,omitempty"`
}

// attempted turns a call's error into an answer.
func attempted(call string, err error) answer {
	if err == nil {
		return answer{Call: call, Done: true}
	}
	var number unix.Errno
	if errors.As(err, &number) {
		return answer{Call: call, Errno: unix.ErrnoName(number), Said: number.Error()}
	}
	return answer{Call: call, Unknown: err.Error()}
}

func (a answer) needing(capability string) answer {
	a.Needs = capability
	return a
}

func (a answer) saying(text string) answer {
	a.Said = text
	return a
}

// filteredBy notes seccomp's part. The error is that of a call which the kernel itself would refuse in another way.
func (a answer) filteredBy(err error) answer {
	filtered := errors.Is(err, unix.EPERM)
	a.Filtered = &filtered
	return a
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}
