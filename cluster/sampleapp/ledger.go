package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ledger is an app that nobody thought of users for: it needs a key that it may read, a folder that it may write to,
// and a port that it may listen on.
type ledger struct {
	keyFile, folder, port string
}

// ledgerFrom reads the settings; each has a default that only root can live with.
func ledgerFrom(environment func(string) string) ledger {
	or := func(name, otherwise string) string {
		if value := environment(name); value != "" {
			return value
		}
		return otherwise
	}
	return ledger{or("LEDGER_KEY_FILE", "/etc/ledger/key"), or("LEDGER_FOLDER", "/var/lib/ledger"), or("LEDGER_PORT", "80")}
}

func (l ledger) book() string { return filepath.Join(l.folder, "ledger.txt") }

func (l ledger) key() (string, error) {
	text, err := os.ReadFile(l.keyFile)
	if err != nil {
		return "", fmt.Errorf("cannot read its key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// enter appends a line to the book.
func (l ledger) enter(line string) error {
	book, err := os.OpenFile(l.book(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(book, line)
		err = errors.Join(err, book.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot write to its ledger: %w", err)
	}
	return nil
}

// page shows the key and the book as they are now.
func (l ledger) page() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(answer http.ResponseWriter, _ *http.Request) {
		key, err := l.key()
		book, more := os.ReadFile(l.book())
		if err = errors.Join(err, more); err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
			return
		}
		answer.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(answer, "key: %s\n%s", key, book)
	})
	return mux
}

// open does all that can fail at the start, in this order: the key, the ledger, the port.
func (l ledger) open() (net.Listener, error) {
	if _, err := l.key(); err != nil {
		return nil, err
	}
	if err := l.enter(fmt.Sprintf("opened by uid %d", os.Getuid())); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", ":"+l.port)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on port %s: %w", l.port, err)
	}
	return listener, nil
}

// run serves the page until it is told to stop.
func (l ledger) run() error {
	listener, err := l.open()
	if err != nil {
		return err
	}
	fmt.Printf("ledger: listening on port %s\n", l.port)
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Handler: l.page(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-told.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
