// Command sampleapp stands in for the .NET sample programs where their images cannot be pulled.
// It acts by the name it is called by, or by its first argument: hello, dotnetapp, aspnetapp, dotnet, ids, ledger or
// rce-app.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const picture = `         42
         42              ,d                             ,d
         42              42                             42
 ,adPPYb,42  ,adPPYba, MM42MMM 8b,dPPYba,   ,adPPYba, MM42MMM
a8"    ` + "`" + `Y42 a8"     "8a  42    42P'   ` + "`" + `"8a a8P_____42   42
8b       42 8b       d8  42    42       42 8PP!!!!!!!   42
"8a,   ,d42 "8a,   ,a8"  42,   42       42 "8b,   ,aa   42,
 ` + "`" + `"8bbdP"Y8  ` + "`" + `"YbbdP"'   "Y428 42       42  ` + "`" + `"Ybbd8"'   "Y428
`

func main() {
	root := os.DirFS("/")
	name := mode(os.Args, os.Getuid() != os.Geteuid())
	switch name {
	case "dotnet":
		folder, _ := os.Getwd()
		os.Exit(dotnet(os.Stdout, os.Stderr, root, folder, os.Args[1:]))
	case "ids":
		ids(os.Stdout)
	case "ledger":
		if err := ledgerFrom(os.Getenv).run(); err != nil {
			fmt.Fprintln(os.Stderr, "ledger:", err)
			os.Exit(1)
		}
	case "rce-app":
		if os.Getenv("LABKIT_VULNERABLE_ON_PURPOSE") != "yes" {
			fmt.Fprintln(os.Stderr, errNotInTheLab)
			os.Exit(2)
		}
		if err := serve(vulnerable(), os.Getenv("ASPNETCORE_HTTP_PORTS")); err != nil {
			fmt.Fprintln(os.Stderr, "Unhandled exception:", err)
			os.Exit(1)
		}
	case "hello":
		hello(os.Stdout, gather(root))
	case "dotnetapp":
		report(os.Stdout, gather(root))
	case "aspnetapp":
		if err := serve(pages(root), os.Getenv("ASPNETCORE_HTTP_PORTS")); err != nil {
			fmt.Fprintln(os.Stderr, "Unhandled exception:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintf(os.Stderr, "sampleapp: %q is none of hello, dotnetapp, aspnetapp, dotnet, ids, ledger, rce-app\n", name)
		os.Exit(2)
	}
}

// mode is what the program acts as: what it is called by, or its first argument.
// As a setuid program it never does more than to say its uids, however it is called.
func mode(arguments []string, isSetuid bool) string {
	name := filepath.Base(arguments[0])
	switch {
	case isSetuid:
		return "ids"
	case name == "dotnet" || name == "ids" || len(arguments) == 1:
		return name
	}
	return arguments[1]
}

// hello is the three-line program of the article.
func hello(out io.Writer, found facts) {
	fmt.Fprintf(out, "Hello %s, using %s on %s\n", found.User, found.OSVersion, found.OSArchitecture)
}

func report(out io.Writer, found facts) {
	fmt.Fprintf(out, "%s\nOSArchitecture: %s\nOSDescription: %s\nFrameworkDescription: %s\n\nUserName: %s\nHostName : %s\n\n",
		picture, found.OSArchitecture, found.OSVersion, found.RuntimeVersion, found.User, found.HostName)
	fmt.Fprintf(out, "ProcessorCount: %d\nTotalAvailableMemoryBytes: %d (%s)\n",
		found.ProcessorCount, found.TotalAvailableMemoryBytes, inBestUnit(found.TotalAvailableMemoryBytes))
	if found.MemoryLimit > 0 {
		fmt.Fprintf(out, "cgroup memory limit: %d (%s)\ncgroup memory usage: %d (%s)\nGC Hard limit %%: 75\n",
			found.MemoryLimit, inBestUnit(found.MemoryLimit), found.MemoryUsage, inBestUnit(found.MemoryUsage))
	}
}

func pages(root fs.FS) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, "Healthy") })
	mux.HandleFunc("GET /Environment", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(answer).Encode(gather(root))
	})
	mux.HandleFunc("GET /{$}", func(answer http.ResponseWriter, _ *http.Request) {
		found := gather(root)
		answer.Header().Set("Content-Type", "text/plain; charset=utf-8")
		hello(answer, found)
	})
	return mux
}

// serve listens as ASP.NET Core does: on the first of the ports, 8080 if none is said, until it is told to stop.
func serve(handler http.Handler, ports string) error {
	port, _, _ := strings.Cut(ports, ";")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	fmt.Printf("info: Microsoft.Hosting.Lifetime[14]\n      Now listening on: http://[::]:%s\n", port)
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-told.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
