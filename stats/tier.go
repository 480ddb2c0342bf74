package stats

// Tier is what became of a pool's misses: what one loop counts, and all of them together.
type Tier struct {
	Pool      string `json:"pool"`      // that is asked; a loop leaves it out
	Asked     int64  `json:"asked"`     // misses for which it was to be asked
	Found     int64  `json:"found"`     // of those, the ones for which it had a value
	Filled    int64  `json:"filled"`    // of those, the ones that the pool itself has stored
	TooLarge  int64  `json:"too_large"` // or was not given
	Overtaken int64  `json:"overtaken"` // or did not store, as the key was written meanwhile, or could have been

	// Times that a server could not be reached, did not answer, or answered with an error.
	AskFailed  int64 `json:"ask_failed"`
	FillFailed int64 `json:"fill_failed"`
}

// TierTally is where t counts of its pool's next tier.
func (t *ClientTally) TierTally() *Tier {
	if t.Tier == nil {
		t.Tier = new(Tier)
	}
	return t.Tier
}

// clone is a copy that shares nothing with m.
func (m *Tier) clone() *Tier {
	if m == nil {
		return nil
	}
	c := *m
	return &c
}

// add adds what one loop counted.
func (m *Tier) add(t *Tier) {
	m.Asked += t.Asked
	m.Found += t.Found
	m.Filled += t.Filled
	m.TooLarge += t.TooLarge
	m.Overtaken += t.Overtaken
	m.AskFailed += t.AskFailed
	m.FillFailed += t.FillFailed
}
