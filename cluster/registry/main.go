// Command registry is a classroom mirror: crane's registry with its blobs on disk, behind two doors.
// The class's door gives and takes nothing; the other one, on loopback alone, is for filling it.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "the class's door, read-only")
	fill := flag.String("fill", "127.0.0.1:0", "the door for filling; loopback only")
	folder := flag.String("folder", "", "where blobs are kept")
	certificate := flag.String("certificate", "", "the certificate of the class's door; needed beyond loopback")
	key := flag.String("key", "", "its key")
	flag.Parse()
	if err := run(*listen, *fill, *folder, *certificate, *key); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func run(listen, fill, folder, certificate, key string) error {
	if folder == "" {
		return errors.New("no -folder")
	}
	if !isLoopback(fill) {
		return fmt.Errorf("%s is not loopback, and whoever reaches it may write", fill)
	}
	if certificate == "" && !isLoopback(listen) {
		return fmt.Errorf("%s is beyond loopback, and that needs a certificate", listen)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	store := registry.New(
		registry.WithBlobHandler(registry.NewDiskBlobHandler(folder)), registry.Logger(log.New(io.Discard, "", 0)))
	class, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	filling, err := net.Listen("tcp", fill)
	if err != nil {
		return err
	}
	if certificate != "" {
		if _, err := os.Stat(certificate); errors.Is(err, os.ErrNotExist) {
			if err := makeCertificate(class.Addr().String(), certificate, key); err != nil {
				return err
			}
		}
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return err
		}
		class = tls.NewListener(class, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	fmt.Printf("listening %s filling %s\n", class.Addr(), filling.Addr())
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ended := make(chan error, 2)
	for listener, handler := range map[net.Listener]http.Handler{class: readOnly(store), filling: store} {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
		go func() { ended <- server.Serve(listener) }()
	}
	select {
	case <-told.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// readOnly lets through what reads, and answers everything else as a registry that cannot be written to does.
func readOnly(store http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodGet || request.Method == http.MethodHead {
			store.ServeHTTP(answer, request)
			return
		}
		answer.Header().Set("Content-Type", "application/json")
		answer.WriteHeader(http.StatusMethodNotAllowed)
		fmt.Fprint(answer, `{"errors":[{"code":"UNSUPPORTED","message":"this mirror is read-only"}]}`)
	})
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
