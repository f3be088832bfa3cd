package main

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// noSuchApp is the status with which dotnet ends when its application is not there.
const noSuchApp = 155

// dotnet stands in for the runtime's own program: `dotnet NAME.dll` prints what the article's app prints.
func dotnet(out, problems io.Writer, root fs.FS, arguments []string) int {
	if len(arguments) == 0 || !strings.HasSuffix(arguments[0], ".dll") {
		fmt.Fprintln(problems, "Usage: dotnet [path-to-application]\n(a stand-in: it runs the lab's sample app and nothing else)")
		return 129
	}
	app := arguments[0]
	found, err := fs.Stat(root, strings.TrimPrefix(path.Clean(app), "/"))
	if err != nil || found.IsDir() {
		fmt.Fprintf(problems, "The application '%s' does not exist.\n", app)
		return noSuchApp
	}
	hello(out, gather(root))
	return 0
}
