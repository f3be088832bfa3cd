package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"
)

const (
	longestCommand = 4096
	commandSeconds = 10
)

var errNotInTheLab = errors.New("this program is vulnerable on purpose, and listens in a container of the lab only")

// vulnerable is a page with the simplest hole there is: what is posted to it goes to a shell.
func vulnerable() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, "Healthy") })
	mux.HandleFunc("POST /run", func(answer http.ResponseWriter, request *http.Request) {
		command, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, longestCommand))
		if err != nil {
			http.Error(answer, "the command is too long", http.StatusRequestEntityTooLarge)
			return
		}
		soon, done := context.WithTimeout(request.Context(), commandSeconds*time.Second)
		defer done()
		said, err := exec.CommandContext(soon, "/bin/sh", "-c", string(command)).CombinedOutput()
		_, _ = answer.Write(said)
		if err != nil {
			fmt.Fprintf(answer, "(%v)\n", err)
		}
	})
	return mux
}
