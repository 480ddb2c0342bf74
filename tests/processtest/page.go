//go:build unix

package processtest

import (
	"io"
	"net/http"
	"strings"
)

// web asks on a connection of its own each time, and waits within Patience.
var web = http.Client{Timeout: Patience, Transport: &http.Transport{DisableKeepAlives: true}}

// Page asks for a page, without a body.
func Page(method, url string) (status int, body string, err error) {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		return 0, "", err
	}
	return Do(r)
}

// Do asks.
func Do(r *http.Request) (status int, body string, err error) {
	reply, err := web.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close() //nolint:errcheck // it was read
	text := new(strings.Builder)
	_, err = io.Copy(text, reply.Body)
	return reply.StatusCode, text.String(), err
}
