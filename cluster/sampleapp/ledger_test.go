package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func aLedger(t *testing.T) ledger {
	t.Helper()
	folder := t.TempDir()
	key := filepath.Join(folder, "key")
	if err := os.WriteFile(key, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return ledger{key, folder, "0"}
}

func TestALedgerShowsItsKeyAndWhatItWrote(t *testing.T) {
	one := aLedger(t)
	listener, err := one.open()
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	answer := httptest.NewRecorder()
	one.page().ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	if !strings.HasPrefix(answer.Body.String(), "key: open sesame\nopened by uid ") {
		t.Error(answer.Body)
	}
}

func TestALedgerSaysWhatItLacks(t *testing.T) {
	whole := aLedger(t)
	cases := map[string]ledger{
		"cannot read its key: ":        {filepath.Join(whole.folder, "none"), whole.folder, "0"},
		"cannot write to its ledger: ": {whole.keyFile, filepath.Join(whole.folder, "none"), "0"},
		"cannot listen on port -1: ":   {whole.keyFile, whole.folder, "-1"},
	}
	for words, one := range cases {
		if _, err := one.open(); err == nil || !strings.HasPrefix(err.Error(), words) {
			t.Errorf("%q is not what was said: %v", words, err)
		}
	}
}

func TestALedgersSettingsHaveDefaults(t *testing.T) {
	none := ledgerFrom(func(string) string { return "" })
	if none != (ledger{"/etc/ledger/key", "/var/lib/ledger", "80"}) {
		t.Error(none)
	}
	given := ledgerFrom(func(name string) string { return name })
	if given != (ledger{"LEDGER_KEY_FILE", "LEDGER_FOLDER", "LEDGER_PORT"}) {
		t.Error(given)
	}
}
