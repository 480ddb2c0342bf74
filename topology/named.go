package topology

// At is the server of p at an address, nil if none is. p is a cluster.
func (p *Pool) At(addr []byte) *Server { return p.byAddr[string(addr)] }

// Place is the index of s, a server of p, in Options.Servers, or that in Options.Replicas behind them.
func (p *Pool) Place(s *Server) int { return p.places[s.slot] }
