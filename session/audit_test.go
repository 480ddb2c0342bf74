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
	log *audit.Log
}

func (a audited) Audit() *audit.Log { return a.log }

// TestAuditReasons: the audit log has why a command was refused.
func TestAuditReasons(t *testing.T) {
	s, c := limited(t, "a user=etl requests=1")
	host := audited{log: new(audit.Log)}
	host.log.Set(&audit.Policy{Kinds: audit.Refusals, Keys: true})
	s.pool.host = host
	c.Send(array("AUTH", "etl", "x") + array("GET", "k") + array("GET", "k"))
	s.Settle()
	const want = `"user":"etl","command":"get","result":"rate limit 'a' exceeded","reason":"limit"}`
	if got := string(host.log.Take(nil, time.Time{})); !strings.Contains(got, want) {
		t.Errorf("%q lacks %s", got, want)
	}
}
