package session

import (
	"strings"
	"testing"
	"time"

	"cashew/audit"
)

// audited is alone with an audit log.
type audited struct {
	alone
	log   *audit.Log
	holds *bool // logins are refused unjudged
}

func (a audited) Audit() *audit.Log { return a.log }

func (a audited) HoldLogin(string) (time.Duration, func()) {
	if *a.holds {
		return time.Second, nil
	}
	return 0, nil
}

// TestAuditReasons: the audit log has why a command was refused, and that once: it is not among those that were taken.
func TestAuditReasons(t *testing.T) {
	s, c := limited(t, "a user=etl requests=1")
	s.local.limits.AuditSample, s.local.limits.Looks = 1, true
	host := audited{log: new(audit.Log), holds: new(bool)}
	host.log.Set(&audit.Policy{Kinds: audit.Refusals | audit.Commands, Keys: true})
	s.pool.host = host
	c.Send(array("AUTH", "etl", "x") + array("GET", "k") + array("GET", "k"))
	s.Settle()
	*host.holds = true
	c.Send(array("AUTH", "etl", "wrong"))
	s.Settle()
	got := string(host.log.Take(nil, time.Time{}))
	for _, want := range []string{
		`"event":"command","pool":"sim","client":"client","id":1,"user":"etl","command":"get","keys":["k"],"keys_total":1}`,
		`"event":"refused","pool":"sim","client":"client","id":1,"user":"etl","command":"get","result":"rate limit 'a' exceeded","reason":"limit"}`,
		`"event":"refused","pool":"sim","client":"client","id":1,"user":"etl","command":"auth","reason":"failed_logins"}`,
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q lacks %s", got, want)
		}
	}
	if n := strings.Count(got, "\n"); n != 4 {
		t.Errorf("%d lines: %q", n, got)
	}
}
