package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	sendTime    = 60 * time.Second
	longestPage = 1 << 20
)

// send posts a command to the vulnerable page, as anybody could who reaches it.
func send(out io.Writer, url, command string) error {
	response, err := (&http.Client{Timeout: sendTime}).Post(url, "text/plain", strings.NewReader(command))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, io.LimitReader(response.Body, longestPage)); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the page said %s", response.Status)
	}
	return nil
}
