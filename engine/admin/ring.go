package admin

import (
	"math"
	"net/http"
	"slices"

	"cashew/engine"
	"cashew/stats"
	"cashew/topology"
)

// ringPicture is the answer of /ring.
type ringPicture struct {
	Pool         string       `json:"pool"`
	Distribution string       `json:"distribution"`
	Span         uint64       `json:"span"` // how many values there are on the continuum: points are below it
	Servers      []ringServer `json:"servers"`
	Total        int          `json:"total_points"` // before sampling
	Points       [][2]uint32  `json:"points"`       // (value, index in servers), ascending; at most maxPoints
}

type ringServer struct {
	Name  string  `json:"name"`
	State string  `json:"state"`
	Share float64 `json:"share"` // of the live ring
}

// maxPoints is more than a picture of a ring can show.
const maxPoints = 2000

// ring shows the live ring, built anew from the options and the servers' states.
func (s *Server) ring(r *http.Request) (any, error) {
	o, err := s.pool(r.FormValue("pool"))
	if err != nil {
		return nil, err
	}
	snap, err := s.snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(snap.Pools, func(p stats.Pool) bool { return p.Name == o.Name })
	if i < 0 || len(snap.Pools[i].Servers) != len(o.Servers) {
		return nil, failf(http.StatusServiceUnavailable, "pool %q: a reload is under way", o.Name)
	}
	return drawRing(o, snap.Pools[i].Servers)
}

func drawRing(o *engine.PoolOptions, servers []stats.Server) (*ringPicture, error) {
	live := make([]bool, len(servers))
	pic := &ringPicture{Pool: o.Name, Distribution: o.Distribution, Points: [][2]uint32{}}
	for i := range servers {
		srv := &servers[i]
		live[i] = srv.State != "ejected"
		pic.Servers = append(pic.Servers, ringServer{srv.Name, srv.State, srv.Share})
	}
	built, err := topology.BuildRing(&o.Options, live, nil)
	if err != nil {
		return nil, err
	}
	var all [][2]uint32
	for value, server := range built.Points() {
		all = append(all, [2]uint32{value, uint32(server)})
	}
	pic.Total = len(all)
	if len(all) > 0 {
		pic.Span = math.MaxUint32 + 1
		if o.Distribution != "ketama" {
			pic.Span = uint64(all[len(all)-1][0]) + 1
		}
	}
	step := (len(all) + maxPoints - 1) / maxPoints
	for i := 0; i < len(all); i += step {
		pic.Points = append(pic.Points, all[i])
	}
	return pic, nil
}
