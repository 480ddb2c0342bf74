package engine

import (
	"time"

	"cashew/access"
	"cashew/session"
)

// AccessOptions are what is told of some of the commands of clients, and where.
type AccessOptions struct {
	// AccessLog is the path of the access log, "": there is none. Of so many commands it has one, at most so many in a second.
	AccessLog    string
	AccessSample int
	AccessRate   int
	AccessKeys   bool // with the first key of each
}

// defaultAccess is a file without these.
func defaultAccess() AccessOptions {
	return AccessOptions{AccessSample: 100, AccessRate: 1000}
}

// Access is where what became of commands is, for whoever tells of it.
func (p *Proxy) Access() *access.Log { return &p.access }

// Access implements session.Host.
func (p *pool) Access() *access.Log { return &p.proxy.access }

// samples is Limits.Access.
func (o *AccessOptions) samples() (s session.AccessSamples) {
	if o.AccessLog != "" {
		s.Lines, s.Keys = o.AccessSample, o.AccessKeys
	}
	return s
}

// setAccess has what becomes of commands be kept as o says.
func (p *Proxy) setAccess(o *AccessOptions) {
	rate := o.AccessRate
	if o.AccessLog == "" {
		rate = 0
	}
	p.access.Lines.Set(rate, o.AccessKeys)
}

// Time is when nanosecond n of the process was, as entries of Access have it.
func (p *Proxy) Time(n int64) time.Time { return p.world.Time(n) }
