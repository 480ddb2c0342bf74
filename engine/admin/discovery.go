package admin

import "net/http"

// acceptDiscovered has the list of servers come into force that a pool's source told last, though it is only warned of, or doubted.
func (s *Server) acceptDiscovered(r *http.Request) (any, error) {
	pool := r.FormValue("pool")
	switch {
	case pool == "":
		return nil, failf(http.StatusBadRequest, "which pool?")
	case s.src.Accept == nil:
		return nil, failf(http.StatusNotFound, "no servers are looked for")
	}
	if err := s.src.Accept(pool); err != nil {
		return nil, failf(http.StatusConflict, "%v", err)
	}
	return map[string]bool{"accepted": true}, nil
}
