package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func files(content map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range content {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestUserNameIsTheFirstLineWithTheUid(t *testing.T) {
	root := files(map[string]string{"etc/passwd": "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\napp:x:1654:1654::/home/app:/bin/sh\n"})
	for uid, name := range map[int]string{0: "root", 1654: "app", 4242: ""} {
		if got := userName(root, uid); got != name {
			t.Errorf("uid %d: %q, want %q", uid, got, name)
		}
	}
	if got := userName(files(nil), 0); got != "" {
		t.Errorf("without a passwd file: %q", got)
	}
}

func TestMemoryLimit(t *testing.T) {
	cases := map[string]struct {
		content map[string]string
		limit   uint64
	}{
		"v2":           {map[string]string{"sys/fs/cgroup/memory.max": "104857600\n", "sys/fs/cgroup/memory.current": "5\n"}, 104857600},
		"v2, no limit": {map[string]string{"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "5\n"}, 0},
		"v1":           {map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "104857600\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "5\n"}, 104857600},
		"v1, no limit": {map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "5\n"}, 0},
		"none":         {nil, 0},
	}
	for name, one := range cases {
		if limit, _ := memory(files(one.content)); limit != one.limit {
			t.Errorf("%s: %d, want %d", name, limit, one.limit)
		}
	}
}

func TestHelloSaysWhatTheArticleShows(t *testing.T) {
	var out strings.Builder
	hello(&out, facts{User: "app", OSVersion: "Debian GNU/Linux 12 (bookworm)", OSArchitecture: architecture("amd64")})
	if want := "Hello app, using Debian GNU/Linux 12 (bookworm) on X64\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestEnvironmentHasTheSamplesFieldsInTheirOrder(t *testing.T) {
	answer := httptest.NewRecorder()
	pages(files(nil)).ServeHTTP(answer, httptest.NewRequest("GET", "/Environment", nil))
	position := -1
	for _, name := range []string{"runtimeVersion", "osVersion", "osArchitecture", "user", "processorCount",
		"totalAvailableMemoryBytes", "memoryLimit", "memoryUsage", "hostName"} {
		next := strings.Index(answer.Body.String(), `"`+name+`":`)
		if next <= position {
			t.Errorf("%s is missing or out of order in %s", name, answer.Body)
		}
		position = next
	}
}

func TestHealth(t *testing.T) {
	answer := httptest.NewRecorder()
	pages(files(nil)).ServeHTTP(answer, httptest.NewRequest("GET", "/healthz", nil))
	if answer.Body.String() != "Healthy" {
		t.Error(answer.Body)
	}
}

func TestDotnetRunsAnAppThatIsThereAndNoOther(t *testing.T) {
	root := files(map[string]string{"etc/passwd": "app:x:0:0::/:/bin/sh\n", "app/hello.dll": "MZ", "app/folder.dll/x": ""})
	cases := map[string]struct {
		app    string
		status int
	}{
		"whole path":        {"/app/hello.dll", 0},
		"from the folder":   {"hello.dll", 0},
		"through a folder":  {"../app/./hello.dll", 0},
		"not there":         {"/srv/hello.dll", noSuchApp},
		"not in the folder": {"app/hello.dll", noSuchApp},
		"a folder":          {"/app/folder.dll", noSuchApp},
		"no app":            {"/etc/passwd", 129},
	}
	for name, one := range cases {
		var out, problems strings.Builder
		if status := dotnet(&out, &problems, root, "/app", []string{one.app}); status != one.status {
			t.Errorf("%s: status %d, want %d", name, status, one.status)
		}
		if one.status == 0 != strings.HasPrefix(out.String(), "Hello ") {
			t.Errorf("%s: printed %q", name, out.String())
		}
		if want := "The application '" + one.app + "' does not exist"; one.status == noSuchApp && !strings.Contains(problems.String(), want) {
			t.Errorf("%s: %q, want %q", name, problems.String(), want)
		}
	}
}

func TestASetuidProgramSaysItsUidsAndDoesNothingElse(t *testing.T) {
	cases := []struct {
		arguments []string
		isSetuid  bool
		want      string
	}{
		{[]string{"/app/aspnetapp"}, false, "aspnetapp"},
		{[]string{"/sampleapp", "hello"}, false, "hello"},
		{[]string{"/usr/bin/dotnet", "/app/hello.dll"}, false, "dotnet"},
		{[]string{"/usr/local/bin/ids", "rce-app"}, false, "ids"},
		{[]string{"/tmp/another-name", "rce-app"}, true, "ids"},
		{[]string{"rce-app"}, true, "ids"},
	}
	for _, one := range cases {
		if got := mode(one.arguments, one.isSetuid); got != one.want {
			t.Errorf("%v, setuid %v: %q, want %q", one.arguments, one.isSetuid, got, one.want)
		}
	}
}

func TestTheVulnerablePageRunsWhatItIsSent(t *testing.T) {
	answer := httptest.NewRecorder()
	vulnerable().ServeHTTP(answer, httptest.NewRequest("POST", "/run", strings.NewReader("echo $((40+2))")))
	if answer.Body.String() != "42\n" {
		t.Errorf("%q", answer.Body.String())
	}
}
