package page

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path, etag string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestHandler(t *testing.T) {
	for path, kind := range map[string]string{
		"/":                "text/html; charset=utf-8",
		"/page/page.css":   "text/css; charset=utf-8",
		"/page/page.js":    "text/javascript; charset=utf-8",
		"/page/figures.js": "text/javascript; charset=utf-8",
		"/page/draw.js":    "text/javascript; charset=utf-8",
		"/page/trouble.js": "text/javascript; charset=utf-8",
		"/page/icon.svg":   "image/svg+xml",
	} {
		r := get(t, "GET", path, "")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != kind {
			t.Errorf("GET %s = %d %q; want 200 %q", path, r.StatusCode, r.Header.Get("Content-Type"), kind)
		}
		if p := r.Header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
			t.Errorf("GET %s: policy %q", path, p)
		}
		etag := r.Header.Get("ETag")
		if r := get(t, "GET", path, etag); r.StatusCode != 304 {
			t.Errorf("GET %s with its own ETag %s = %d; want 304", path, etag, r.StatusCode)
		}
		if r := get(t, "GET", path, `"of another binary"`); r.StatusCode != 200 {
			t.Errorf("GET %s with another ETag = %d; want 200", path, r.StatusCode)
		}
		if r := get(t, "HEAD", path, ""); r.StatusCode != 200 || r.ContentLength == 0 {
			t.Errorf("HEAD %s = %d, %d bytes; want 200 and its length", path, r.StatusCode, r.ContentLength)
		}
		if r := get(t, "POST", path, ""); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s = %d, Allow %q; want 405", path, r.StatusCode, r.Header.Get("Allow"))
		}
	}
	for _, path := range []string{"/page/", "/page/page.go", "/page/../page.html", "/index.html"} {
		if r := get(t, "GET", path, ""); r.StatusCode != 404 {
			t.Errorf("GET %s = %d; want 404", path, r.StatusCode)
		}
	}
}

// TestNothingFromOutside: the one address in what is served is the name of the SVG namespace.
func TestNothingFromOutside(t *testing.T) {
	entries, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`(https?:)?//[a-zA-Z0-9][-.a-zA-Z0-9]*\.[a-z]+[^\s"']*`)
	for _, e := range entries {
		for _, found := range address.FindAllString(string(load(e.Name()).body), -1) {
			if found != "http://www.w3.org/2000/svg" {
				t.Errorf("%s refers to %s", e.Name(), found)
			}
		}
	}
}
