// Package page is the dashboard: one page for a browser, embedded in the binary, that needs nothing from outside. It
// polls the admin address it came from for /pools, /slowlog/groups, /hotkeys, /events, /ring, /clients, /explain and /config, and keeps
// what it has seen in the browser; of the ten minutes before it was opened it asks /history.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed page.html page.css page.js figures.js trouble.js draw.js icon.svg
var files embed.FS

// policy lets the page load and ask what its own address serves, and nothing else. Keys and client names come from
// strangers: with trusted types the browser itself refuses to take text for HTML, should the script ever try.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// asset is one embedded file as it is served.
type asset struct {
	name string // tells its content type
	body []byte
	etag string
}

// Handler serves the page at "/" and its parts below "/page/"; every other path is not found. It answers GET and HEAD,
// and may be called from any goroutine. Browsers ask each time whether the parts are still the same, so that a page is
// never older than the binary behind it.
func Handler() http.Handler {
	assets := map[string]asset{"/": load("page.html")}
	for _, name := range []string{"page.css", "page.js", "figures.js", "trouble.js", "draw.js", "icon.svg"} {
		assets["/page/"+name] = load(name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Type", contentTypes[path.Ext(a.name)])
		h.Set("ETag", a.etag)
		http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
	})
}

// contentTypes holds those of the embedded files, since what the mime package knows depends on the machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// load reads an embedded file, which cannot fail for the names listed above.
func load(name string) asset {
	body, err := files.ReadFile(name)
	if err != nil {
		panic("page: " + err.Error())
	}
	sum := sha256.Sum256(body)
	return asset{name: name, body: body, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}
