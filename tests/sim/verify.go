package sim

// How many steps pass between two looks at all that the product holds: one look costs as much as some thirty steps, and what is broken
// stays so, mostly. What a reload or a hand-over leaves behind may last for no more than the way of a reply: for a while after those the
// looks are closer.
const (
	verifyEvery   = 100
	closelyEvery  = 5
	closelyLooked = 2000 // steps
)

// verify looks now and then whether what must hold within the proxy does, and says whether something has gone wrong. Without the
// build tag invariants nothing is looked at.
func (r *Run) verify() (failed bool) {
	every := int64(verifyEvery)
	if r.sim.Steps < r.closely {
		every = closelyEvery
	}
	if r.sim.Steps-r.verified >= every {
		r.verifyNow()
	}
	return r.Failure != ""
}

// verifyClosely has verify look more often for a while.
func (r *Run) verifyClosely() { r.closely = r.sim.Steps + closelyLooked }

func (r *Run) verifyNow() {
	r.verified = r.sim.Steps
	if r.proxy == nil {
		return
	}
	if err := r.proxy.Verify(); err != nil {
		r.fail("invariant: %v", err)
	}
}
