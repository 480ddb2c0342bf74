package discovery

import (
	"context"
	"errors"
	"time"
)

// Unwatched is beside a list that was read, though the watch of what was read before came to nothing: changes are found as lists are read, now and then.
type Unwatched struct{ Err error }

func (u *Unwatched) Error() string { return u.Err.Error() }
func (u *Unwatched) Unwrap() error { return u.Err }

// tooShort is how long a watch lasts that is one, though it failed.
const tooShort = time.Second

// Rounds is Watch of a source that reads a list, and then awaits that something changes, or an error. A watch that fails at once is a
// failure like that of a read: who is asked would else be asked without a pause.
func Rounds(ctx context.Context, tell func(lines []string, err error), read func(context.Context) ([]string, error), await func(context.Context) error) {
	var unwatched error
	for failed := 0; ctx.Err() == nil; {
		lines, err := read(ctx)
		if ctx.Err() != nil {
			return
		}
		_, nonsense := errors.AsType[*Nonsense](err)
		if err == nil && unwatched != nil {
			tell(lines, &Unwatched{unwatched})
		} else {
			tell(lines, err)
		}
		if err == nil || nonsense {
			begun := time.Now()
			unwatched = nil
			if err = await(ctx); err == nil || time.Since(begun) > tooShort {
				failed = 0
			} else {
				unwatched = err
			}
		}
		if err == nil {
			Pause(ctx, Breath)
			continue
		}
		Pause(ctx, Backoff(failed))
		failed++
	}
}
