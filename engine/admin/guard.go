package admin

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"cashew/engine"
)

// guard stands before all handlers. A page of another site that a browser shows must neither change anything here nor,
// by a name of its own that it lets resolve to this address, read anything.
func guard(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(next, maxBodyBytes))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isOurName(r) {
			http.Error(w, "this address is not known by that name", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}

// isOurName says whether a loopback address was asked for by address, as localhost or by the machine's name. Others may
// have any name.
func isOurName(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "" || host == "localhost" {
		return true
	}
	name, err := os.Hostname()
	return err == nil && host == strings.ToLower(name)
}

// named has each answer say who gives it.
func (s *Server) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(engine.ProcessHeader, strconv.Itoa(os.Getpid()))
		if s.src.File != nil {
			w.Header().Set(engine.FileHeader, s.src.File())
		}
		next.ServeHTTP(w, r)
	})
}
