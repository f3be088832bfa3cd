package main

import (
	"fmt"
	"io"
	"os"
)

// ids says who runs it and as whom it acts: the two differ for a setuid program, unless no_new_privs forbids it.
func ids(out io.Writer) {
	fmt.Fprintf(out, "real uid %d, effective uid %d\n", os.Getuid(), os.Geteuid())
}
