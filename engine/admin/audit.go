package admin

import (
	"net/http"
	"strconv"
	"time"

	"cashew/audit"
)

// audited keeps requests that change something, and those of whom is not let in. Of a request it has method, path and what
// came of it, and nothing of its parameters.
func (s *Server) audited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.src.Audit.Wants(audit.Admin) {
			next.ServeHTTP(w, r)
			return
		}
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		if (r.Method == http.MethodGet || r.Method == http.MethodHead) && answer.status != http.StatusUnauthorized {
			return
		}
		s.src.Audit.Record(audit.Admin, &audit.Event{
			At: time.Now(), Name: "admin", Client: r.RemoteAddr, Method: r.Method, Path: r.URL.Path, Result: strconv.Itoa(answer.status),
		})
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
