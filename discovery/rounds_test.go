package discovery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRounds: a watch that fails at once is a failure, and said beside the list; one that lasted, or saw a change, is none.
func TestRounds(t *testing.T) {
	failure := errors.New("no watch")
	for name, c := range map[string]struct {
		read      error
		lasts     time.Duration
		watch     error
		reads     int // in nearly 5 s
		unwatched bool
	}{
		"fails at once":                  {nil, 0, failure, 5, true}, // after 0, 0.25, 0.75, 1.75, 3.75 s
		"fails at once, of nonsense":     {&Nonsense{failure}, 0, failure, 5, false},
		"can't be read":                  {failure, 0, nil, 5, false},
		"fails after a while":            {nil, 1100 * time.Millisecond, failure, 4, false},
		"sees a change, again and again": {nil, 0, nil, 100, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4990*time.Millisecond)
			defer cancel()
			reads, unwatched := 0, 0
			Rounds(ctx, func(_ []string, err error) {
				if u, ok := errors.AsType[*Unwatched](err); ok && errors.Is(u.Err, failure) {
					unwatched++
				}
			}, func(context.Context) ([]string, error) {
				reads++
				return nil, c.read
			}, func(ctx context.Context) error {
				Pause(ctx, c.lasts)
				return c.watch
			})
			if reads != c.reads || (unwatched > 0) != c.unwatched || c.unwatched && unwatched != reads-1 {
				t.Errorf("%s: %d reads, of which %d unwatched; want %d, %v", name, reads, unwatched, c.reads, c.unwatched)
			}
		})
	}
}
