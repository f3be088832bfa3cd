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
// A path that does not begin at the root begins at the folder.
func dotnet(out, problems io.Writer, root fs.FS, folder string, arguments []string) int {
	if len(arguments) == 0 || !strings.HasSuffix(arguments[0], ".dll") {
		fmt.Fprintln(problems, "Usage: dotnet [path-to-application]\n(a stand-in: it runs the lab's sample app and nothing else)")
		return 129
	}
	app := arguments[0]
	whole := path.Clean(app)
	if !path.IsAbs(app) {
		whole = path.Join("/", folder, app)
	}
	found, err := fs.Stat(root, strings.TrimPrefix(whole, "/"))
	if err != nil || found.IsDir() {
		fmt.Fprintf(problems, "The application '%s' does not exist.\n", app)
		return noSuchApp
	}
	hello(out, gather(root))
	return 0
}
