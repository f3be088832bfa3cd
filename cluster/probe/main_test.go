package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAnErrorBecomesItsName(t *testing.T) {
	wrapped := &fs.PathError{Op: "open", Path: "/x", Err: unix.EACCES}
	for _, one := range []struct {
		err            error
		done           bool
		errno, unknown string
	}{
		{nil, true, "", ""},
		{unix.EPERM, false, "EPERM", ""},
		{wrapped, false, "EACCES", ""},
		{errors.New("no errno"), false, "", "no errno"},
	} {
		got := attempted("call", one.err)
		if got.Done != one.done || got.Errno != one.errno || got.Unknown != one.unknown {
			t.Errorf("%v became %+v", one.err, got)
		}
	}
}

func TestASupervisedProbeMayHangCrashFloodOrAnswer(t *testing.T) {
	for command, wanted := range map[string]string{
		"sleep 60":                     "hung and was killed",
		"sleep 60 & echo '{}'; exit 3": "crashed",
		"yes":                          "more than 64 KiB",
		"echo no JSON":                 "no answer that can be read",
	} {
		started := time.Now()
		got := supervise("x", []string{"sh", "-c", command}, 2*time.Second)
		if !strings.Contains(got.Unknown, wanted) || got.Probe != "x" {
			t.Errorf("%s: %+v", command, got)
		}
		if time.Since(started) > 5*time.Second {
			t.Errorf("%s took %s", command, time.Since(started))
		}
	}
	if got := supervise("x", []string{"sh", "-c", `echo '{"done": true, "call": "c"}'`}, time.Minute); !got.Done {
		t.Errorf("%+v", got)
	}
	if got := supervise("x", []string{"/nonexistent"}, time.Minute); !strings.Contains(got.Unknown, "not be started") {
		t.Errorf("%+v", got)
	}
}

func TestAFileIsWrittenAndStaysAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(path, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := rewrite(path); !got.Done {
		t.Errorf("%+v", got)
	}
	if got := putAside(path); !got.Done {
		t.Errorf("%+v", got)
	}
	if left := text(path); left != "program" {
		t.Errorf("the file holds %q", left)
	}
	if got := rewrite(path + "-none"); got.Absent == "" {
		t.Errorf("%+v", got)
	}
}

func TestAPlantedFileIsGone(t *testing.T) {
	folder := t.TempDir()
	if got := plant(folder); !got.Done {
		t.Errorf("%+v", got)
	}
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("%v stayed", left)
	}
}
