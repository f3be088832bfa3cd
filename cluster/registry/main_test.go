package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheClassMayReadAndNothingElse(t *testing.T) {
	reached := 0
	door := readOnly(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	for method, status := range map[string]int{"GET": 200, "HEAD": 200, "PUT": 405, "POST": 405, "PATCH": 405, "DELETE": 405} {
		answer := httptest.NewRecorder()
		door.ServeHTTP(answer, httptest.NewRequest(method, "/v2/x/manifests/y", nil))
		if answer.Code != status {
			t.Errorf("%s: %d", method, answer.Code)
		}
	}
	if reached != 2 {
		t.Errorf("%d requests reached the store", reached)
	}
}

func TestItIsNeverOpenByMistake(t *testing.T) {
	for _, doors := range [][2]string{{"0.0.0.0:0", "127.0.0.1:0"}, {"127.0.0.1:0", "0.0.0.0:0"}, {":0", "127.0.0.1:0"}} {
		if err := run(doors[0], doors[1], t.TempDir(), "", ""); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%v: %v", doors, err)
		}
	}
}
