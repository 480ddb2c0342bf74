package session

import (
	"syscall"
	"testing"
)

// TestWaits: each row of waits can begin and be over, and then not both; what begins is not missed by the look that each command
// gets, and what is counted is over at half of where it begins, not before.
func TestWaits(t *testing.T) {
	ways := map[string]struct{ begin, almost, end func(s *Session) }{
		"server": {
			begin: func(s *Session) { s.waitsFor |= behindServer },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"order": {
			begin: func(s *Session) { s.waitsFor |= behindOrder },
			end:   func(s *Session) { s.head = nil },
		},
		"hand-over": {
			begin: func(s *Session) { s.waitsFor |= behindHandOver },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"lesson": {
			begin: func(s *Session) { s.waitsFor |= behindLesson },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"limit": {
			begin: func(s *Session) { s.waitsFor |= behindLimit },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"login": {
			begin: func(s *Session) { s.waitsFor |= behindLogin },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"retry": {
			begin: func(s *Session) { s.waitsFor |= behindRetry },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"map": {
			begin: func(s *Session) { s.waitsFor |= behindMap },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"reads": {
			begin: func(s *Session) { s.waitsFor |= behindReads },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"flight": {
			begin: func(s *Session) { s.waitsFor |= behindFlight },
			end:   func(s *Session) { s.waitsFor = 0 },
		},
		"pipeline": {
			begin:  func(s *Session) { s.inFlight, s.replySize = s.local.limits.MaxPipeline, 0 },
			almost: func(s *Session) { s.inFlight = s.local.limits.MaxPipeline/2 + 1 },
			end:    func(s *Session) { s.inFlight = s.local.limits.MaxPipeline / 2 },
		},
		"reports": {
			begin:  func(s *Session) { s.reports = maxClientReports },
			almost: func(s *Session) { s.reports = maxClientReports/2 + 1 },
			end:    func(s *Session) { s.reports = maxClientReports / 2 },
		},
		"output": {
			begin:  func(s *Session) { s.replySize = s.allowed/s.inFlight + 1 },
			almost: func(s *Session) { s.replySize = s.allowed/2/s.inFlight + 1 },
			end:    func(s *Session) { s.replySize = s.allowed / 2 / s.inFlight },
		},
		"memory": {
			begin: func(s *Session) { s.local.pressure.Level.Store(High) },
			end:   func(s *Session) { s.local.pressure.Level.Store(Calm) },
		},
	}
	for _, row := range waits {
		t.Run(row.name, func(t *testing.T) {
			s := newSim(t, 1, nil)
			c := s.connect().session
			for range 10 {
				c.Data([]byte(array("GET", "a"))) // so that there is a head, and something in flight
			}
			c.keep(make([]byte, causeBytes))
			way, ok := ways[row.name]
			if !ok {
				t.Fatal("no test of it")
			}
			if c.perhapsWaits() || c.mustWait() || !c.mayResume() {
				t.Fatal("it waits before there is a cause")
			}
			way.begin(c)
			if !c.perhapsWaits() || !row.begins(c) || !c.mustWait() || row.over(c) || c.mayResume() {
				t.Errorf("begun: perhaps %v, begins %v, over %v", c.perhapsWaits(), row.begins(c), row.over(c))
			}
			if way.almost != nil {
				if way.almost(c); row.begins(c) || row.over(c) {
					t.Errorf("not yet at half: begins %v, over %v", row.begins(c), row.over(c))
				}
			}
			if way.end(c); row.begins(c) || c.mustWait() || !row.over(c) || !c.mayResume() {
				t.Errorf("ended: begins %v, over %v", row.begins(c), row.over(c))
			}
		})
	}
}

// TestBusy: a loop that looks at once only for as long as few clients wait counts who waits, also those that leave before they have
// what they are owed.
func TestBusy(t *testing.T) {
	s, c := steady(t, 1)
	c.Send(array("GET", "a") + array("GET", "b"))
	s.Settle()
	if s.Loop.Busy != 1 {
		t.Errorf("busy = %d with one client that waits", s.Loop.Busy)
	}
	c.HangUp(syscall.ECONNRESET)
	s.Settle()
	if s.Loop.Busy != 0 {
		t.Errorf("busy = %d after it has left", s.Loop.Busy)
	}
	s.Servers[0].Reply(bulk("A") + bulk("B"))
	s.Settle()
	if s.Loop.Busy != 0 {
		t.Errorf("busy = %d after replies that nobody waits for", s.Loop.Busy)
	}
}
