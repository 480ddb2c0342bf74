package loop

import "time"

// turnover tells whether there is a crowd of clients that stay for a moment only, as programs do that connect for each request. Each
// wakes the loop four times: it comes, asks, is answered, and goes. In a crowd passes end with a nap, so that several are in each.
type turnover struct {
	since  int64 // as Loop.Now: when left and stayed began to be counted
	left   int64 // clients
	stayed int64 // nanoseconds, in sum
	got    int64 // replies, of all clients

	// Of the time before:
	crowd int           // how many such clients there were at once, on average: the sum of their times, by that time
	stay  time.Duration // of one
}

const (
	// turnoverTime is for how long clients are counted. One that stays for longer than twice that is not of the crowd.
	turnoverTime = 10 * time.Millisecond
	// repliesEach is how many replies there are for each such client, at most, in a crowd. Where there are more, others ask, and naps cost
	// them more than they save.
	repliesEach = 4
	// leastCrowd is how many clients are a crowd. Fewer would wait for one another's naps.
	leastCrowd = 8
)

// Left says that a client leaves that has been here since Now was came.
func (l *Loop) Left(came int64) {
	t := &l.turnover
	if stayed := l.Now - came; stayed < 2*int64(turnoverTime) {
		t.left++
		t.stayed += stayed
	}
	if d := l.Now - t.since; d >= int64(turnoverTime) {
		t.crowd, t.stay = int(t.stayed/d), time.Duration(t.stayed/max(t.left, 1))
		if t.got > repliesEach*t.left || l.napOf(t.stay) == 0 { // a crowd costs a task in each pass, for the nap's sake alone
			t.crowd = 0
		}
		t.since, t.left, t.stayed, t.got = l.Now, 0, 0, 0
	}
}

// crowded says that there is a crowd, and that it is at least half of those who wait for replies: others are not to wait for it.
func (l *Loop) crowded() bool {
	t := &l.turnover
	return t.crowd >= leastCrowd && 2*t.crowd >= l.Busy && l.Now-t.since < 2*int64(turnoverTime)
}
